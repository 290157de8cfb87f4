"""The public keys of the issuer, as this process last saw them."""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from nova.platform.clock import Clock
from nova.platform.errors import Unavailable

_log = structlog.get_logger(__name__)
_LEAST_BITS = 2048
_REFRESH_EVERY_S = 30.0
_STALE_AFTER_S = 300.0
_RETRY_EVERY_S = 1.0
_SOURCE_TIMEOUT_S = 2.0


class KeysUnknown(Unavailable):
    """The keys that tokens are verified with cannot be had at the moment: try again."""


class KeySource(Protocol):
    """Where the issuer publishes its keys.

    A new key must be there before its first use: 30 s, or 2 s where `KeyRing.expect` is told of it. An old one must
    be there until its last token has expired.
    """

    async def keys(self) -> Mapping[str, RSAPublicKey]:
        """Return the current keys by key id."""
        ...


class KeyRing:
    """Keys by id, fetched when they are needed.

    An unknown id makes us ask the source at most once in 30 s, whoever sends it, and in a second where the issuer
    has told of it. Keys older than five minutes are asked for again; when the source does not answer, the keys at
    hand go on serving. One that the issuer names no more is gone at once.
    """

    def __init__(self, source: KeySource, *, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._keys: Mapping[str, RSAPublicKey] = MappingProxyType({})
        self._expected: frozenset[str] = frozenset()
        self._gone: frozenset[str] = frozenset()
        self._asked_at: float | None = None
        self._asking = asyncio.Lock()

    def __contains__(self, kid: object) -> bool:
        return kid in self._keys

    def expect(self, kids: frozenset[str]) -> None:
        """Take note of which keys verify now, as the issuer says: at least one."""
        known = self._expected | self._keys.keys()
        self._expected, self._gone = kids, (self._gone | known) - kids
        self._keep(self._keys)

    async def get(self, kid: str) -> RSAPublicKey | None:
        """Return the key, or None where the issuer has none of that id.

        Raises `KeysUnknown` when no key at all has been seen yet.
        """
        if kid in self._gone:
            return None
        if self._is_due(kid):
            async with self._asking:
                if self._is_due(kid):
                    await self._refresh()
        if not self._keys:
            raise KeysUnknown(retry_after_s=1.0)
        return self._keys.get(kid)

    def _is_due(self, kid: str) -> bool:
        if self._asked_at is None:
            return True
        age_s = self._clock.monotonic() - self._asked_at
        if not self._keys:
            return age_s >= _RETRY_EVERY_S
        if kid in self._keys:
            return age_s >= _STALE_AFTER_S
        return age_s >= (_RETRY_EVERY_S if kid in self._expected else _REFRESH_EVERY_S)

    async def _refresh(self) -> None:
        self._asked_at = self._clock.monotonic()
        try:
            async with asyncio.timeout(_SOURCE_TIMEOUT_S):
                keys = await self._source.keys()
        except Exception as error:  # noqa: BLE001 - whatever the source's trouble, the keys at hand stay good
            _log.warning("key_refresh_failed", error=type(error).__name__)
            return
        self._keep({kid: key for kid, key in keys.items() if _is_fit(key)})

    def _keep(self, keys: Mapping[str, RSAPublicKey]) -> None:
        # A replica of the issuer may still publish what another one has withdrawn.
        self._keys = MappingProxyType({kid: key for kid, key in keys.items() if kid not in self._gone})


def _is_fit(key: object) -> bool:
    return isinstance(key, RSAPublicKey) and key.key_size >= _LEAST_BITS
