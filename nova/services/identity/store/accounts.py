"""Accounts, the guesses at their passwords, and calls that came under a key."""

from collections.abc import Sequence
from datetime import datetime

from nova.platform.db.failures import WriteConflict
from nova.platform.db.tx import Tx
from nova.policy.permissions import Role
from nova.services.identity.model import (
    Account,
    Credentials,
    Guess,
    KeyedCall,
    NewAccount,
    SessionId,
    Suspension,
    UserId,
)
from nova.services.identity.store.rows import (
    ACCOUNT,
    CALL,
    TAKEN,
    account_of,
    credentials_of,
    first_session_of,
    taken_of,
)

GUESSES_AN_HOUR = 10

# One statement, so that guesses made at the same moment are counted one after another. The database's clock
# judges, for all processes alike. The newest stands first; none older than an hour is kept.
_RECENT = (
    "SELECT past FROM unnest(known.guessed_at) AS past WHERE past > clock_timestamp() - interval '1 hour'"
)
_TAKE_GUESS = f"""
INSERT INTO guesses AS known (subject, guessed_at) VALUES ($1, ARRAY[clock_timestamp()])
ON CONFLICT (subject) DO UPDATE SET guessed_at = clock_timestamp() || ARRAY({_RECENT})
WHERE cardinality(ARRAY({_RECENT})) < {GUESSES_AN_HOUR}
RETURNING guessed_at[1]
"""
_GUESS_WAIT = f"""
SELECT extract(epoch FROM guessed_at[{GUESSES_AN_HOUR}] + interval '1 hour' - clock_timestamp())::float8
FROM guesses WHERE subject = $1
"""
_RETURN_GUESS = """
UPDATE guesses SET guessed_at =
    guessed_at[:array_position(guessed_at, $2) - 1] || guessed_at[array_position(guessed_at, $2) + 1:]
WHERE subject = $1 AND $2 = any(guessed_at)
"""

_ADD_ACCOUNTS = """
INSERT INTO accounts (user_id, handle, email, password_hash, roles, created_at)
SELECT user_id, handle, email, password_hash, string_to_array(roles, ','), created_at
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
     AS new (user_id, handle, email, password_hash, roles, created_at)
ON CONFLICT DO NOTHING
RETURNING user_id
"""


class AccountsTx(Tx):
    """What a transaction may do to accounts."""

    async def add_account(self, new: NewAccount) -> None:
        """Open an account. Raises `HandleTaken` or `EmailTaken`."""
        if not await self.add_accounts([new]):
            raise taken_of(await self.fetchval(TAKEN, new.handle, new.email))

    async def add_accounts(self, rows: Sequence[NewAccount]) -> list[UserId]:
        """Open many accounts in one statement; return those that were new, and leave out what is taken."""
        added = await self.fetch(
            _ADD_ACCOUNTS,
            [row.user_id for row in rows],
            [row.handle for row in rows],
            [row.email for row in rows],
            [row.password_hash for row in rows],
            [",".join(sorted(row.roles)) for row in rows],
            [row.created_at for row in rows],
        )
        return [row["user_id"] for row in added]

    async def lock_credentials(self, user_id: UserId) -> Credentials | None:
        """Return an account as it stays until the end of the transaction."""
        row = await self.fetchrow(
            f"SELECT {ACCOUNT}, password_hash FROM accounts WHERE user_id = $1 FOR NO KEY UPDATE", user_id
        )
        return None if row is None else credentials_of(row)

    async def hold_account(self, user_id: UserId) -> Account | None:
        """Return an account, and let others hold it too, but nobody change it."""
        row = await self.fetchrow(f"SELECT {ACCOUNT} FROM accounts WHERE user_id = $1 FOR SHARE", user_id)
        return None if row is None else account_of(row)

    async def set_password(self, user_id: UserId, password_hash: str) -> None:
        """Replace the hash of an account's password."""
        await self.execute(
            "UPDATE accounts SET password_hash = $2 WHERE user_id = $1", user_id, password_hash
        )

    async def note_verified(self, user_id: UserId, at: datetime) -> None:
        """Note that the address of an account is its owner's; the first time counts."""
        await self.execute(
            "UPDATE accounts SET email_verified_at = coalesce(email_verified_at, $2) WHERE user_id = $1",
            user_id,
            at,
        )

    async def set_roles(self, user_id: UserId, roles: frozenset[Role]) -> None:
        """Replace the roles of an account."""
        await self.execute("UPDATE accounts SET roles = $2 WHERE user_id = $1", user_id, sorted(roles))

    async def suspend(self, user_id: UserId, suspension: Suspension) -> None:
        """Note that an account may not sign in; what was noted before is replaced."""
        await self.execute(
            "UPDATE accounts SET suspended_at = $2, suspended_until = $3, suspended_by = $4, suspension_reason = $5 "
            "WHERE user_id = $1",
            user_id, suspension.suspended_at, suspension.until, suspension.suspended_by, suspension.reason,
        )  # fmt: skip

    async def reinstate(self, user_id: UserId) -> None:
        """Note that an account may sign in."""
        await self.execute(
            "UPDATE accounts SET suspended_at = NULL, suspended_until = NULL, suspended_by = NULL, "
            "suspension_reason = NULL WHERE user_id = $1",
            user_id,
        )

    async def raise_epoch(self, user_id: UserId) -> Account:
        """Return the account with its next epoch."""
        row = await self.fetchrow(
            f"UPDATE accounts SET epoch = epoch + 1 WHERE user_id = $1 RETURNING {ACCOUNT}", user_id
        )
        assert row is not None  # noqa: S101 - callers have locked the row
        return account_of(row)

    async def take_guess(self, subject: bytes) -> Guess | None:
        """Count one guess, or return None when this hour's are spent."""
        guessed_at = await self.fetchval(_TAKE_GUESS, subject)
        return None if guessed_at is None else Guess(subject=subject, guessed_at=guessed_at)

    async def guess_wait_s(self, subject: bytes) -> float:
        """Return the seconds until the next guess is free, at least one."""
        return max(1.0, await self.fetchval(_GUESS_WAIT, subject) or 0.0)

    async def return_guess(self, guess: Guess) -> None:
        """Take back a guess that was right."""
        await self.execute(_RETURN_GUESS, guess.subject, guess.guessed_at)

    async def claim_call(self, call: KeyedCall, session_id: SessionId, at: datetime) -> SessionId:
        """Return `session_id` when nobody called under this key before, else the session of the first call.

        Waits for another call under the key to end. Raises `IdempotencyConflict` for another body.
        """
        first = await self.execute(
            "INSERT INTO keyed_calls (method, key_hash, body_hash, session_id, called_at) VALUES ($1, $2, $3, $4, $5) "
            "ON CONFLICT DO NOTHING",
            call.method, call.key_hash, call.body_hash, session_id, at,
        )  # fmt: skip
        if first:
            return session_id
        known = first_session_of(call, await self.fetchrow(CALL, call.method, call.key_hash))
        if known is None:
            raise WriteConflict  # the row was swept away at this very moment
        return known
