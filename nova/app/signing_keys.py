"""`nova keys`: the keys that sign tokens, seen and rotated by whoever has the engines and the key-encryption key."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click

from nova.app import reach
from nova.platform.clock import Clock, SystemClock
from nova.platform.config import Config
from nova.platform.configure import require_own
from nova.platform.db.database import Database, DatabaseConfig
from nova.services.identity.model import StoredKey
from nova.services.identity.store.reading import IdentityStore
from nova.services.identity.wiring import kek_of, signing_keys


@dataclass(frozen=True, slots=True)
class Cabinet:
    """Where the keys are kept, and when it is."""

    store: IdentityStore
    clock: Clock


async def list_keys(config: Config, *, as_json: bool) -> None:
    """Print the keys whose tokens hold, oldest first."""
    async with _cabinet(config) as cabinet:
        _print(await cabinet.store.signing_keys(), cabinet.clock.now(), as_json=as_json)


async def rotate(config: Config, withdraw: str | None, *, as_json: bool) -> None:
    """Make the next key now, and print all; with `withdraw` no token of that key holds any more."""
    require_own(config, ("identity",))
    async with _cabinet(config) as cabinet:
        keys = signing_keys(config, cabinet.store, kek_of(config), cabinet.clock)
        await keys.rotate(withdraw=withdraw)
        _print(await cabinet.store.signing_keys(), cabinet.clock.now(), as_json=as_json)


@asynccontextmanager
async def _cabinet(config: Config) -> AsyncIterator[Cabinet]:
    async with (
        reach.engines(config) as sources,
        Database(DatabaseConfig(room="identity", dsn=sources.room_dsns["identity"])) as database,
    ):
        yield Cabinet(IdentityStore(database), SystemClock())


def _print(keys: Sequence[StoredKey], now: datetime, *, as_json: bool) -> None:
    shown = [_shown(key, now) for key in keys if now < key.verifies_until]
    if as_json:
        click.echo(json.dumps(shown))
        return
    for key in shown:
        click.echo("  ".join(key.values()))


def _shown(key: StoredKey, now: datetime) -> dict[str, Any]:
    signs = "signs" if key.signs_from <= now < key.signs_until else "verifies"
    return {
        "kid": key.kid,
        "does": "waits" if now < key.signs_from else signs,
        "signs_from": _moment(key.signs_from),
        "signs_until": _moment(key.signs_until),
        "verifies_until": _moment(key.verifies_until),
    }


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
