"""`nova role`: the roles of an account, changed by whoever has the engines of the house in hand.

That is how a house gets its first admin: through identity's own verbs, in nobody's name. Tokens with the old rights
are void within a second, as with every other change of roles.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import click

from nova.app import reach
from nova.platform.clock import SystemClock
from nova.platform.config import Config
from nova.platform.db.database import Database, DatabaseConfig
from nova.platform.redis.client import connect
from nova.policy import rules
from nova.services.identity.announcer import RedisAnnouncer
from nova.services.identity.model import Account, AccountNotFound
from nova.services.identity.service.revoking import Revoking
from nova.services.identity.service.roles import Roles
from nova.services.identity.store.reading import IdentityStore


@dataclass(frozen=True, slots=True)
class Desk:
    """Identity, as far as roles go."""

    store: IdentityStore
    roles: Roles

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
        _print(await desk.roles.add(account.user_id, role), as_json=as_json)


async def revoke(config: Config, handle: str, role: str, *, as_json: bool) -> None:
    """Take a role from an account, and print those that it has then."""
    async with _desk(config) as desk:
        account = await desk.account(handle)
        _print(await desk.roles.remove(account.user_id, role), as_json=as_json)


async def show(config: Config, handle: str, *, as_json: bool) -> None:
    """Print the roles of an account."""
    async with _desk(config) as desk:
        _print(await desk.account(handle), as_json=as_json)


@asynccontextmanager
async def _desk(config: Config) -> AsyncIterator[Desk]:
    async with reach.engines(config) as sources:
        redis = await connect(sources.redis_url)
        try:
            settings = DatabaseConfig(room="identity", dsn=sources.room_dsns["identity"])
            async with Database(settings) as database:
                store = IdentityStore(database)
                revoking = Revoking(announcer=RedisAnnouncer(redis), clock=SystemClock())
                yield Desk(store, Roles(store=store, revoking=revoking))
        finally:
            await redis.aclose()


def _print(account: Account, *, as_json: bool) -> None:
    roles = sorted(account.roles)
    click.echo(json.dumps({"handle": account.handle, "roles": roles}) if as_json else " ".join(roles))
