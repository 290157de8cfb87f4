"""The transaction of the room."""

from nova.services.identity.model import StoredKey
from nova.services.identity.store.accounts import AccountsTx
from nova.services.identity.store.locks import LOCK_CLASS, SIGNING_KEYS
from nova.services.identity.store.mails import MailsTx
from nova.services.identity.store.rows import STORED_KEY, stored_key_of
from nova.services.identity.store.sessions import SessionsTx


class IdentityTx(AccountsTx, MailsTx, SessionsTx):
    """Everything that a transaction of the room may do; signing keys are its own."""

    async def lock_signing_keys(self) -> None:
        """Wait until no other process makes a key."""
        await self.execute("SELECT pg_advisory_xact_lock($1, $2)", LOCK_CLASS, SIGNING_KEYS)

    async def signing_keys(self) -> list[StoredKey]:
        """Return all keys, oldest first."""
        return [
            stored_key_of(row)
            for row in await self.fetch(f"SELECT {STORED_KEY} FROM signing_keys ORDER BY created_at")
        ]

    async def add_signing_key(self, key: StoredKey) -> None:
        """Keep a new key."""
        await self.execute(
            f"INSERT INTO signing_keys ({STORED_KEY}) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            key.kid, key.public_der, key.sealed, key.created_at, key.signs_from, key.signs_until, key.verifies_until,
        )  # fmt: skip

    async def reseal_signing_key(self, kid: str, sealed: bytes) -> None:
        """Keep a private half sealed anew."""
        await self.execute("UPDATE signing_keys SET sealed = $2 WHERE kid = $1", kid, sealed)

    async def remove_signing_key(self, kid: str) -> bool:
        """Forget a key, its public half too: no token of it holds from here on. Return whether there was one."""
        return bool(await self.fetch("DELETE FROM signing_keys WHERE kid = $1 RETURNING kid", kid))
