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

    A new key must be there 30 s before its first use, and an old one until its last token has expired.
    """

    async def keys(self) -> Mapping[str, RSAPublicKey]:
        """Return the current keys by key id."""
        ...


class KeyRing:
    """Keys by id, fetched when they are needed.

    An unknown id makes us ask the source at most once in 30 s, whoever sends it. Keys older than five
    minutes are asked for again, so that a withdrawn one goes; when the source does not answer, the keys at
    hand go on serving.
    """

    def __init__(self, source: KeySource, *, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._keys: Mapping[str, RSAPublicKey] = MappingProxyType({})
        self._asked_at: float | None = None
        self._asking = asyncio.Lock()

    def __contains__(self, kid: object) -> bool:
        return kid in self._keys

    async def get(self, kid: str) -> RSAPublicKey | None:
        """Return the key, or None where the issuer has none of that id.

        Raises `KeysUnknown` when no key at all has been seen yet.
        """
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
        return age_s >= (_STALE_AFTER_S if kid in self._keys else _REFRESH_EVERY_S)

    async def _refresh(self) -> None:
        self._asked_at = self._clock.monotonic()
        try:
            async with asyncio.timeout(_SOURCE_TIMEOUT_S):
                keys = await self._source.keys()
        except Exception as error:  # noqa: BLE001 - whatever the source's trouble, the keys at hand stay good
            _log.warning("key_refresh_failed", error=type(error).__name__)
            return
        self._keys = MappingProxyType({kid: key for kid, key in keys.items() if _is_fit(key)})


def _is_fit(key: object) -> bool:
    return isinstance(key, RSAPublicKey) and key.key_size >= _LEAST_BITS
