"""Suspending accounts and reinstating them. Whoever is suspended is out at once, and stays out until it ends."""

from datetime import datetime
from typing import Final

import structlog

from nova.platform.auth.actor import Actor
from nova.platform.clock import Clock
from nova.policy import rules
from nova.services.identity.model import (
    Account,
    AccountNotFound,
    OneselfNamed,
    Suspension,
    SuspensionEnded,
    UserId,
)
from nova.services.identity.service.revoking import Revoking
from nova.services.identity.store.reading import IdentityStore
from nova.services.identity.store.tx import IdentityTx

REASON_MOST: Final = 500

_log = structlog.get_logger(__name__)


class Suspensions:
    """Who may not sign in.

    The account's row is held while its sessions end, and whoever opens or renews one holds it too: of two that
    come at once one waits, so that no session and no good token is left behind.
    """

    def __init__(self, *, store: IdentityStore, revoking: Revoking, clock: Clock) -> None:
        self._store = store
        self._revoking = revoking
        self._clock = clock

    async def suspend(
        self, actor: Actor, user_id: UserId, *, reason: str, until: datetime | None
    ) -> Suspension:
        """End every session and token of an account, and keep it out until a moment, or for good.

        Whoever may suspend others is suspended by those alone who manage roles. Suspending again replaces reason
        and end. Raises `Forbidden`, `AccountNotFound`, `OneselfNamed`, `SuspensionEnded` or `InvalidArgument`.
        """
        actor.require("accounts:suspend")
        return await self._suspend(actor, user_id, reason, until)

    async def reinstate(self, actor: Actor, user_id: UserId) -> None:
        """Let an account sign in again; who may suspend it may do this. Tokens from before stay void."""
        actor.require("accounts:suspend")
        await self._reinstate(actor, user_id)

    async def impose(self, user_id: UserId, *, reason: str, until: datetime | None) -> Suspension:
        """Suspend in nobody's name: for the operator, who may suspend anybody."""
        return await self._suspend(None, user_id, reason, until)

    async def lift(self, user_id: UserId) -> None:
        """Reinstate in nobody's name."""
        await self._reinstate(None, user_id)

    async def _suspend(
        self, actor: Actor | None, user_id: UserId, reason: str, until: datetime | None
    ) -> Suspension:
        reason = rules.text(reason, field="reason", least=1, most=REASON_MOST)
        async with self._store.transaction() as tx:
            await _hold(tx, actor, user_id)
            now = self._clock.now()
            if until is not None and until <= now:
                raise SuspensionEnded(field="until")
            by = None if actor is None else UserId(actor.user_id)
            suspension = Suspension(suspended_at=now, until=until, reason=reason, suspended_by=by)
            await tx.suspend(user_id, suspension)
            await tx.end_sessions(user_id)
            await self._revoking.void_tokens(tx, user_id)
            tx.answer(suspension)
        _log.info(
            "account_suspended", user_id=str(user_id), by=_named(actor), until=until and until.isoformat()
        )
        return suspension

    async def _reinstate(self, actor: Actor | None, user_id: UserId) -> None:
        async with self._store.transaction() as tx:
            await _hold(tx, actor, user_id)
            await tx.reinstate(user_id)
            tx.answer(None)
        _log.info("account_reinstated", user_id=str(user_id), by=_named(actor))


async def _hold(tx: IdentityTx, actor: Actor | None, user_id: UserId) -> None:
    """Lock an account, and see that its roles of that moment let the actor decide on it."""
    credentials = await tx.lock_credentials(user_id)
    if credentials is None:
        raise AccountNotFound
    if actor is not None:
        _require_power(actor, credentials.account)


def _require_power(actor: Actor, account: Account) -> None:
    if account.user_id == actor.user_id:
        raise OneselfNamed(field="user_id")
    if "accounts:suspend" in account.permissions:
        actor.require("roles:manage")


def _named(actor: Actor | None) -> str:
    return "operator" if actor is None else str(actor.user_id)
