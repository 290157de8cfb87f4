"""Sessions, their families of refresh tokens, and revocations."""

from datetime import datetime

from nova.platform.db.tx import Tx
from nova.services.identity.model import Revocation, Session, SessionId, UserId
from nova.services.identity.store.locks import LOCK_CLASS, REVOCATIONS
from nova.services.identity.store.rows import SESSION, session_of


class SessionsTx(Tx):
    """What a transaction may do to sessions."""

    async def add_session(self, session: Session) -> None:
        """Open a session."""
        await self.execute(
            f"INSERT INTO sessions ({SESSION}) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            session.session_id, session.user_id, session.device.user_agent, session.device.ip_address,
            session.created_at, session.last_used_at, session.expires_at,
        )  # fmt: skip

    async def lock_session(self, session_id: SessionId) -> Session | None:
        """Return a session that nobody else uses until the end of the transaction; None when it has ended."""
        row = await self.fetchrow(
            f"SELECT {SESSION} FROM sessions WHERE session_id = $1 FOR UPDATE", session_id
        )
        return None if row is None else session_of(row)

    async def use_session(self, session_id: SessionId, used_at: datetime, expires_at: datetime) -> None:
        """Note that a session was used, and until when it lives now."""
        await self.execute(
            "UPDATE sessions SET last_used_at = $2, expires_at = $3 WHERE session_id = $1",
            session_id, used_at, expires_at,
        )  # fmt: skip

    async def end_session(self, user_id: UserId, session_id: SessionId) -> bool:
        """End a session with its tokens. Return False when the user has no such session."""
        ended = await self.execute(
            "DELETE FROM sessions WHERE session_id = $1 AND user_id = $2", session_id, user_id
        )
        return ended == 1

    async def end_sessions(self, user_id: UserId, *, but: SessionId | None = None) -> int:
        """End the sessions of a user, all or all but one; return how many there were."""
        return await self.execute(
            "DELETE FROM sessions WHERE user_id = $1 AND session_id IS DISTINCT FROM $2", user_id, but
        )

    async def owner_of(self, token_hash: bytes) -> tuple[UserId, SessionId] | None:
        """Return to whom a refresh token was given, used or not."""
        row = await self.fetchrow(
            "SELECT user_id, session_id FROM refresh_tokens JOIN sessions USING (session_id) WHERE token_hash = $1",
            token_hash,
        )
        return None if row is None else (row["user_id"], row["session_id"])

    async def retire(self, token_hash: bytes, used_at: datetime) -> bool:
        """Use up a refresh token. Return False when it was used before."""
        retired = await self.execute(
            "UPDATE refresh_tokens SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL",
            token_hash,
            used_at,
        )
        return retired == 1

    async def add_refresh_token(self, token_hash: bytes, session_id: SessionId, expires_at: datetime) -> None:
        """Make a token the head of its session, which must have none."""
        await self.execute(
            "INSERT INTO refresh_tokens (token_hash, session_id, expires_at) VALUES ($1, $2, $3)",
            token_hash, session_id, expires_at,
        )  # fmt: skip

    async def is_head(self, token_hash: bytes, session_id: SessionId) -> bool:
        """Return whether a token is the one live token of the session."""
        row = await self.fetchrow(
            "SELECT FROM refresh_tokens WHERE token_hash = $1 AND session_id = $2 AND used_at IS NULL",
            token_hash, session_id,
        )  # fmt: skip
        return row is not None

    async def forget_refresh_tokens(self, session_id: SessionId) -> None:
        """Make every refresh token of a session unknown."""
        await self.execute("DELETE FROM refresh_tokens WHERE session_id = $1", session_id)

    async def add_revocation(
        self, user_id: UserId, *, session_id: SessionId | None = None, epoch: int | None = None, at: datetime
    ) -> Revocation:
        """Record what verifiers must know. The last statement of its transaction.

        The lock lets the numbers follow the order of commits: whoever polls `seq > last` misses none.
        """
        await self.execute("SELECT pg_advisory_xact_lock($1, $2)", LOCK_CLASS, REVOCATIONS)
        seq = await self.fetchval(
            "INSERT INTO revocations (user_id, session_id, epoch, revoked_at) VALUES ($1, $2, $3, $4) RETURNING seq",
            user_id, session_id, epoch, at,
        )  # fmt: skip
        return Revocation(seq=seq, user_id=user_id, session_id=session_id, epoch=epoch, revoked_at=at)
