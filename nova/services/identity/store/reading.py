"""Reads, and the way into a transaction."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime

from nova.platform.db.database import Database
from nova.services.identity.model import (
    Credentials,
    EmailTaken,
    HandleTaken,
    KeyedCall,
    MailId,
    QueuedMail,
    Revocation,
    Session,
    SessionId,
    StoredKey,
    UserId,
)
from nova.services.identity.store.rows import (
    ACCOUNT,
    CALL,
    MAIL,
    SESSION,
    STORED_KEY,
    TAKEN,
    credentials_of,
    first_session_of,
    mail_of,
    session_of,
    stored_key_of,
    taken_of,
)
from nova.services.identity.store.tx import IdentityTx


class IdentityStore:
    """The room's tables. All reads are of the primary: sign-in decides, and one's own changes show at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self) -> AbstractAsyncContextManager[IdentityTx]:
        """Open a transaction."""
        return self._database.transaction(IdentityTx)

    async def find_by_login(self, login: str) -> Credentials | None:
        """Return the account of a handle or an e-mail address."""
        column = "email" if "@" in login else "handle"
        row = await self._database.primary.fetchrow(
            f"SELECT {ACCOUNT}, password_hash FROM accounts WHERE {column} = $1", login
        )
        return None if row is None else credentials_of(row)

    async def find_by_id(self, user_id: UserId) -> Credentials | None:
        """Return the account of a user."""
        row = await self._database.primary.fetchrow(
            f"SELECT {ACCOUNT}, password_hash FROM accounts WHERE user_id = $1", user_id
        )
        return None if row is None else credentials_of(row)

    async def find_mail(self, mail_id: MailId) -> QueuedMail | None:
        """Return a mail, sent or not."""
        row = await self._database.primary.fetchrow(f"SELECT {MAIL} FROM mails WHERE mail_id = $1", mail_id)
        return None if row is None else mail_of(row)

    async def find_taken(self, handle: str, email: str) -> HandleTaken | EmailTaken | None:
        """Return what refuses a new account: an early answer, the insert decides."""
        is_handle = await self._database.primary.fetchval(TAKEN, handle, email)
        return None if is_handle is None else taken_of(is_handle)

    async def find_call(self, call: KeyedCall) -> SessionId | None:
        """Return the session of the first call under a key. Raises `IdempotencyConflict` for another body."""
        return first_session_of(call, await self._database.primary.fetchrow(CALL, call.method, call.key_hash))

    async def sessions_of(
        self, user_id: UserId, *, now: datetime, before: SessionId | None, limit: int
    ) -> list[Session]:
        """Return live sessions, newest first, from the one after `before` on."""
        rows = await self._database.primary.fetch(
            f"SELECT {SESSION} FROM sessions WHERE user_id = $1 AND expires_at > $2 "
            "AND ($3::uuid IS NULL OR session_id < $3) ORDER BY session_id DESC LIMIT $4",
            user_id, now, before, limit,
        )  # fmt: skip
        return [session_of(row) for row in rows]

    async def revocations_after(self, seq: int, limit: int) -> list[Revocation]:
        """Return revocations in order."""
        rows = await self._database.primary.fetch(
            "SELECT seq, user_id, session_id, epoch, revoked_at FROM revocations WHERE seq > $1 ORDER BY seq LIMIT $2",
            seq, limit,
        )  # fmt: skip
        return [Revocation(**row) for row in rows]

    async def verifying_kids(self, now: datetime) -> list[str]:
        """Return the ids of the keys whose tokens hold, oldest first."""
        rows = await self._database.primary.fetch(
            "SELECT kid FROM signing_keys WHERE verifies_until > $1 ORDER BY created_at", now
        )
        return [row["kid"] for row in rows]

    async def signing_keys(self) -> list[StoredKey]:
        """Return all keys, oldest first."""
        rows = await self._database.primary.fetch(
            f"SELECT {STORED_KEY} FROM signing_keys ORDER BY created_at"
        )
        return [stored_key_of(row) for row in rows]
