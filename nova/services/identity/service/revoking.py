"""Ending trust before a token's own expiry: one session, or every token of a user that was issued until now."""

from typing import Protocol

from nova.platform.clock import Clock
from nova.services.identity.model import Account, Revocation, SessionId, UserId
from nova.services.identity.store.tx import IdentityTx


class Announcer(Protocol):
    """Tells verifiers at once what they would find at their next poll."""

    async def announce(self, revocation: Revocation) -> None:
        """Send it to all; whether anybody hears is not known."""
        ...


class Revoking:
    """Records revocations in the transaction that decides them, and announces them when it is committed."""

    def __init__(self, *, announcer: Announcer, clock: Clock) -> None:
        self._announcer = announcer
        self._clock = clock

    async def end_session(self, tx: IdentityTx, user_id: UserId, session_id: SessionId) -> bool:
        """End one session. Return False when the user has no such session."""
        if not await tx.end_session(user_id, session_id):
            return False
        self._announce(tx, await tx.add_revocation(user_id, session_id=session_id, at=self._clock.now()))
        return True

    async def void_tokens(self, tx: IdentityTx, user_id: UserId) -> Account:
        """Make every access token of a user void, and return the account as new ones will describe it."""
        account = await tx.raise_epoch(user_id)
        self._announce(tx, await tx.add_revocation(user_id, epoch=account.epoch, at=self._clock.now()))
        return account

    def _announce(self, tx: IdentityTx, revocation: Revocation) -> None:
        tx.after_commit(lambda: self._announcer.announce(revocation))
