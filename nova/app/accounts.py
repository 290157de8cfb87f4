"""`nova role` and `nova account`: accounts, changed by whoever has the engines of the house in hand.

That is how a house gets its first admin: through identity's own verbs, in nobody's name. Tokens from before a change
are void within a second, as with every other change of the kind.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from nova.app import reach
from nova.platform.clock import Clock, SystemClock
from nova.platform.config import Config
from nova.platform.db.database import Database, DatabaseConfig
from nova.platform.redis.client import connect
from nova.policy import rules
from nova.services.identity.announcer import RedisAnnouncer
from nova.services.identity.model import Account, AccountNotFound
from nova.services.identity.service.revoking import Revoking
from nova.services.identity.service.roles import Roles
from nova.services.identity.service.suspending import Suspensions
from nova.services.identity.store.reading import IdentityStore


@dataclass(frozen=True, slots=True)
class Desk:
    """Identity, as far as the operator changes accounts."""

    store: IdentityStore
    roles: Roles
    suspensions: Suspensions
    clock: Clock

    async def account(self, handle: str) -> Account:
        """Return the account of a handle. Raises `AccountNotFound`."""
        known = await self.store.find_by_login(rules.handle(handle))
        if known is None:
            raise AccountNotFound(f"Nobody is called {handle!r}: sign up first.")
        return known.account


async def grant(config: Config, handle: str, role: str, *, as_json: bool) -> None:
    """Give an account a role, and print those that it has then."""
    async with _desk(config) as desk:
        account = await desk.account(handle)
        _print_roles(await desk.roles.add(account.user_id, role), as_json=as_json)


async def revoke(config: Config, handle: str, role: str, *, as_json: bool) -> None:
    """Take a role from an account, and print those that it has then."""
    async with _desk(config) as desk:
        account = await desk.account(handle)
        _print_roles(await desk.roles.remove(account.user_id, role), as_json=as_json)


async def list_roles(config: Config, handle: str, *, as_json: bool) -> None:
    """Print the roles of an account."""
    async with _desk(config) as desk:
        _print_roles(await desk.account(handle), as_json=as_json)


async def suspend(config: Config, handle: str, *, reason: str, until: datetime | None, as_json: bool) -> None:
    """End every session of an account, keep it from signing in, and print how it stands."""
    async with _desk(config) as desk:
        account = await desk.account(handle)
        await desk.suspensions.impose(account.user_id, reason=reason, until=until)
        await _print_standing(desk, handle, as_json=as_json)


async def reinstate(config: Config, handle: str, *, as_json: bool) -> None:
    """Let an account sign in again, and print how it stands."""
    async with _desk(config) as desk:
        account = await desk.account(handle)
        await desk.suspensions.lift(account.user_id)
        await _print_standing(desk, handle, as_json=as_json)


async def show(config: Config, handle: str, *, as_json: bool) -> None:
    """Print how an account stands."""
    async with _desk(config) as desk:
        await _print_standing(desk, handle, as_json=as_json)


@asynccontextmanager
async def desk_at(dsn: str, redis_url: str) -> AsyncIterator[Desk]:
    """Yield identity on the engines at these addresses."""
    redis, clock = await connect(redis_url), SystemClock()
    try:
        async with Database(DatabaseConfig(room="identity", dsn=dsn)) as database:
            store = IdentityStore(database)
            revoking = Revoking(announcer=RedisAnnouncer(redis), clock=clock)
            yield Desk(
                store=store,
                roles=Roles(store=store, revoking=revoking),
                suspensions=Suspensions(store=store, revoking=revoking, clock=clock),
                clock=clock,
            )
    finally:
        await redis.aclose()


@asynccontextmanager
async def _desk(config: Config) -> AsyncIterator[Desk]:
    async with (
        reach.engines(config) as sources,
        desk_at(sources.room_dsns["identity"], sources.redis_url) as desk,
    ):
        yield desk


def _print_roles(account: Account, *, as_json: bool) -> None:
    roles = sorted(account.roles)
    click.echo(json.dumps({"handle": account.handle, "roles": roles}) if as_json else " ".join(roles))


async def _print_standing(desk: Desk, handle: str, *, as_json: bool) -> None:
    standing = _standing(await desk.account(handle), desk.clock.now())
    if as_json:
        click.echo(json.dumps(standing))
        return
    suspension = standing.pop("suspension") or {}
    for name, value in {**standing, **suspension}.items():
        click.echo(f"{name:<15} {_shown(value)}")


def _standing(account: Account, now: datetime) -> dict[str, Any]:
    suspension = account.suspension
    return {
        "handle": account.handle,
        "user_id": str(account.user_id),
        "created_at": _moment(account.created_at),
        "email_verified": account.email_verified_at is not None,
        "roles": sorted(account.roles),
        "suspended": suspension is not None and suspension.holds_at(now),
        "suspension": suspension
        and {
            "suspended_at": _moment(suspension.suspended_at),
            "until": suspension.until and _moment(suspension.until),
            "reason": suspension.reason,
            "suspended_by": suspension.suspended_by and str(suspension.suspended_by),
        },
    }


def _shown(value: object) -> str:
    if isinstance(value, list):
        return " ".join(value)
    return {None: "-", True: "yes", False: "no"}[value] if isinstance(value, bool | None) else str(value)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
