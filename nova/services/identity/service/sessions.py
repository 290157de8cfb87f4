"""Keeping a session alive, seeing one's sessions, and ending them."""

from collections.abc import Sequence

import structlog

from nova.platform.auth.actor import Actor
from nova.platform.clock import Clock
from nova.platform.errors import NovaError
from nova.services.identity.model import (
    Account,
    AccountNotFound,
    KeyedCall,
    RefreshTokenInvalid,
    RefreshTokenReused,
    Revocation,
    SessionId,
    SessionNotFound,
    SessionPage,
    SignedIn,
    UserId,
)
from nova.services.identity.service.revoking import Revoking
from nova.services.identity.service.tickets import Tickets, keyed_call
from nova.services.identity.store.reading import IdentityStore
from nova.services.identity.store.tx import IdentityTx
from nova.services.identity.tokens import RefreshToken

_log = structlog.get_logger(__name__)


class Sessions:
    """The signed-in devices of accounts."""

    def __init__(self, *, store: IdentityStore, tickets: Tickets, revoking: Revoking, clock: Clock) -> None:
        self._store = store
        self._tickets = tickets
        self._revoking = revoking
        self._clock = clock

    async def refresh(self, refresh_token: str, *, key: str | None) -> SignedIn:
        """Exchange a refresh token for the next pair.

        A token that was used before has been stolen from one of its two users, and nobody knows from which:
        its session ends. Only a repeat under the same idempotency key is told apart, for a thief does not
        know the key. Raises `RefreshTokenInvalid`, `RefreshTokenReused` or `AccountSuspended`.
        """
        used = self._tickets.read(refresh_token)
        call = keyed_call("RefreshSession", key, used.hash)
        async with self._store.transaction() as tx:
            outcome = await self._exchange(tx, used, call)
        if isinstance(outcome, NovaError):
            raise outcome
        return outcome

    async def sign_out(self, actor: Actor) -> None:
        """End the session that the caller's token is of. Ending it again changes nothing."""
        async with self._store.transaction() as tx:
            await self._revoking.end_session(tx, UserId(actor.user_id), SessionId(actor.session_id))
            tx.answer(None)

    async def revoke(self, actor: Actor, session_id: SessionId) -> None:
        """End one of the caller's sessions. Raises `SessionNotFound`, for another's session too."""
        actor.require("session:revoke:own")
        async with self._store.transaction() as tx:
            if not await self._revoking.end_session(tx, UserId(actor.user_id), session_id):
                raise SessionNotFound
            tx.answer(None)

    async def revoke_all(self, actor: Actor) -> int:
        """End every session of the caller, this one too; return how many there were."""
        actor.require("session:revoke:own")
        user_id = UserId(actor.user_id)
        async with self._store.transaction() as tx:
            if await tx.lock_credentials(user_id) is None:
                raise AccountNotFound
            ended = await tx.end_sessions(user_id)
            await self._revoking.void_tokens(tx, user_id)
            return tx.answer(ended)

    async def page(self, actor: Actor, *, size: int, before: SessionId | None) -> SessionPage:
        """Return the caller's live sessions, newest first, from the one after `before` on."""
        actor.require("session:read:own")
        found = await self._store.sessions_of(
            UserId(actor.user_id), now=self._clock.now(), before=before, limit=size + 1
        )
        shown = found[:size]
        return SessionPage(sessions=shown, next_after=shown[-1].session_id if len(found) > size else None)

    async def revocations_after(self, seq: int, *, limit: int) -> Sequence[Revocation]:
        """Return the revocations that came after `seq`, in order."""
        return await self._store.revocations_after(seq, limit)

    async def _exchange(
        self, tx: IdentityTx, used: RefreshToken, call: KeyedCall | None
    ) -> SignedIn | RefreshTokenReused:
        """Return the next pair, or the fact that ends the session: it is returned to be committed."""
        owner = await tx.owner_of(used.hash)
        if owner is None:
            raise RefreshTokenInvalid
        user_id, session_id = owner
        if call is not None:
            await tx.claim_call(call, session_id, self._clock.now())
        account = await tx.hold_account(user_id)
        session = await tx.lock_session(session_id)
        now = self._clock.now()
        if account is None or session is None or session.expires_at <= now:
            raise RefreshTokenInvalid
        # Its sessions ended with the suspension; one can be left by a release that knows of none yet.
        refusal = account.refusal_at(now)
        if refusal is not None:
            raise refusal
        if await tx.retire(used.hash, now):
            following = self._tickets.token_of(call, used.hash)
            await self._tickets.renew(tx, session_id, following)
            return self._tickets.pair(account, session_id, following)
        told = await self._tickets.told(tx, session_id, call, used.hash)
        if told is not None:
            return self._tickets.pair(account, session_id, told)
        return await self._end_family(tx, account, session_id)

    async def _end_family(
        self, tx: IdentityTx, account: Account, session_id: SessionId
    ) -> RefreshTokenReused:
        await self._revoking.end_session(tx, account.user_id, session_id)
        _log.warning("refresh_replayed", user_id=str(account.user_id), session_id=str(session_id))
        return RefreshTokenReused()
