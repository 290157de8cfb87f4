"""The keys that sign access tokens: made ahead of use, rotated with overlap, published as a JWK Set.

A key's life is fixed when it is made. It is published, ten minutes later it begins to sign, after thirty days
it stops, and it goes on verifying until the last token that it signed has expired. Its successor is made before
it stops, so that a rotation loses nobody. A private key that the key before the key-encryption key has sealed is
sealed anew. One that neither opens is left alone: a new one is made, and the old one goes on verifying.

A key that was stolen is withdrawn: it is forgotten, and every verifier hears so with its next poll for revocations.
"""

import asyncio
import json
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from joserfc.jwk import RSAKey

from nova.platform.auth.claims import ALGORITHM
from nova.platform.clock import Clock
from nova.platform.errors import NotFound, Unavailable
from nova.services.identity.kek import Kek
from nova.services.identity.model import StoredKey

_log = structlog.get_logger(__name__)
_BITS = 2048
SIGNS_FOR = timedelta(days=30)
# Verifiers hear of a key with their next poll, and ask again for those that they know within five minutes.
PUBLISHED_AHEAD = timedelta(minutes=10)
# Where nothing else can sign, the polls are waited for and no more: meanwhile nobody can sign in.
HEARD_OF_WITHIN = timedelta(seconds=2)
# Time for the successor to be made although PostgreSQL is away for a while.
MADE_AHEAD = timedelta(days=1)
# Clocks of signers and verifiers may differ by five minutes.
CLOCK_SLACK = timedelta(minutes=5)


class NoSigningKey(Unavailable):
    """No key to sign tokens with is at hand: try again."""


class SigningKeyNotFound(NotFound):
    """There is no signing key of that id: it was withdrawn, or the last token of it has expired."""


class KeyTx(Protocol):
    """What a transaction of the store offers for keys."""

    async def lock_signing_keys(self) -> None:
        """Wait until no other process makes a key."""
        ...

    async def signing_keys(self) -> list[StoredKey]:
        """Return all keys."""
        ...

    async def add_signing_key(self, key: StoredKey) -> None:
        """Keep a new key."""
        ...

    async def reseal_signing_key(self, kid: str, sealed: bytes) -> None:
        """Keep a private half sealed anew."""
        ...

    async def remove_signing_key(self, kid: str) -> bool:
        """Forget a key; return whether there was one."""
        ...


class KeyStore(Protocol):
    """Where keys are kept."""

    async def verifying_kids(self, now: datetime) -> list[str]:
        """Return the ids of the keys whose tokens hold, oldest first."""
        ...

    async def signing_keys(self) -> list[StoredKey]:
        """Return all keys."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[KeyTx]:
        """Open a transaction."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A private key that this process can sign with, and its times."""

    stored: StoredKey
    private: RSAKey = field(repr=False)

    @property
    def kid(self) -> str:
        """The id under which its public half is published."""
        return self.stored.kid


class SigningKeys:
    """The keys as this process knows them. Call `tend` at start and each minute."""

    def __init__(self, *, store: KeyStore, kek: Kek, clock: Clock, token_life: timedelta) -> None:
        self._store = store
        self._kek = kek
        self._clock = clock
        self._verifies_after = token_life + CLOCK_SLACK
        self._stored: Sequence[StoredKey] = ()
        self._mine: dict[str, SigningKey] = {}

    async def tend(self) -> None:
        """Read the keys again, seal anew what the key before has sealed, and make the next one when it is due."""
        self._take(await self._store.signing_keys())
        await self._reseal()
        if not self._successor_is_due():
            return
        private = await asyncio.to_thread(RSAKey.generate_key, _BITS)
        async with self._store.transaction() as tx:
            await tx.lock_signing_keys()
            self._take(await tx.signing_keys())
            if not self._successor_is_due():
                return
            key = await self._add(tx, private)
        self._made(key)

    async def rotate(self, *, withdraw: str | None = None) -> StoredKey:
        """Make the next key now; of the one withdrawn no token holds any more. Raises `SigningKeyNotFound`.

        Without a key to withdraw, all go on verifying and the new one signs once it is known. After a withdrawal
        that may have left nothing to sign with, it signs as soon as verifiers have heard of it.
        """
        private = await asyncio.to_thread(RSAKey.generate_key, _BITS)
        async with self._store.transaction() as tx:
            await tx.lock_signing_keys()
            if withdraw is not None and not await tx.remove_signing_key(withdraw):
                raise SigningKeyNotFound
            self._take(await tx.signing_keys())
            key = await self._add(tx, private)
        self._made(key)
        return key

    async def verifying(self) -> Sequence[str]:
        """Return the ids of the keys that verify at this moment, oldest first; read all again if they are others."""
        kids = await self._store.verifying_kids(self._clock.now())
        if kids != self._verifying():
            self._take(await self._store.signing_keys())
        return kids

    def current(self) -> SigningKey:
        """Return the newest key that signs now. Raises `NoSigningKey`."""
        now = self._clock.now()
        usable = [key for key in self._mine.values() if key.stored.signs_from <= now < key.stored.signs_until]
        if not usable:
            raise NoSigningKey(retry_after_s=1.0)
        return max(usable, key=lambda key: key.stored.signs_from)

    def jwks_json(self) -> str:
        """Return every key that may verify a live token, as a JWK Set (RFC 7517), oldest first."""
        verifying = frozenset(self._verifying())
        return json.dumps({"keys": [_jwk(key) for key in self._stored if key.kid in verifying]})

    def _verifying(self) -> list[str]:
        now = self._clock.now()
        return [key.kid for key in self._stored if now < key.verifies_until]

    async def _add(self, tx: KeyTx, private: RSAKey) -> StoredKey:
        key = self._new(private)
        await tx.add_signing_key(key)
        return key

    def _made(self, key: StoredKey) -> None:
        """Take a new key in, once it is committed."""
        self._take([*self._stored, key])
        _log.info("signing_key_made", kid=key.kid, signs_from=key.signs_from.isoformat())

    async def _reseal(self) -> None:
        found = {key.kid: self._kek.resealed(key.sealed, name=key.kid) for key in self._stored}
        resealed = {kid: sealed for kid, sealed in found.items() if sealed is not None}
        if not resealed:
            return
        async with self._store.transaction() as tx:
            for kid, sealed in resealed.items():
                await tx.reseal_signing_key(kid, sealed)
        _log.info("signing_keys_resealed", kids=sorted(resealed))

    def _take(self, stored: Sequence[StoredKey]) -> None:
        known, self._mine = self._mine, {}
        for key in stored:
            mine = known.get(key.kid) or self._opened(key)
            if mine is not None:
                self._mine[key.kid] = mine
        self._stored = tuple(stored)

    def _opened(self, key: StoredKey) -> SigningKey | None:
        der = self._kek.unseal(key.sealed, name=key.kid)
        if der is None:
            _log.warning("signing_key_sealed_otherwise", kid=key.kid)
            return None
        return SigningKey(stored=key, private=RSAKey.import_key(der))

    def _successor_is_due(self) -> bool:
        ends = [key.stored.signs_until for key in self._mine.values()]
        return not ends or max(ends) - MADE_AHEAD <= self._clock.now()

    def _new(self, private: RSAKey) -> StoredKey:
        now = self._clock.now()
        signs_from = now + self._ahead(now)
        signs_until = signs_from + SIGNS_FOR
        kid = private.thumbprint()  # RFC 7638
        return StoredKey(
            kid=kid,
            public_der=private.as_der(private=False),
            sealed=self._kek.seal(private.as_der(private=True), name=kid),
            created_at=now,
            signs_from=signs_from,
            signs_until=signs_until,
            verifies_until=signs_until + self._verifies_after,
        )

    def _ahead(self, now: datetime) -> timedelta:
        """Return how long a new key is published before it signs: nobody waits for the first one of all."""
        if any(key.stored.signs_from <= now < key.stored.signs_until for key in self._mine.values()):
            return PUBLISHED_AHEAD
        return HEARD_OF_WITHIN if self._stored else timedelta(0)


def _jwk(key: StoredKey) -> dict[str, object]:
    """Return the public half as a JWK (RFC 7518, section 6.3.1)."""
    public = RSAKey.import_key(key.public_der).as_dict(private=False)
    return {**public, "use": "sig", "alg": ALGORITHM, "kid": key.kid}
