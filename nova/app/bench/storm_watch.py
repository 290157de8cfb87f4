"""What PostgreSQL, its replica and PgBouncer say of a storm: connections, waits, and under which limits they stand."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from nova.app.bench.console import Console
from nova.app.bench.storm_ground import DATABASE, Connection, Ground
from nova.app.engines.addresses import connect

LOOK_EVERY_S: Final = 0.25
_PEAK: Final = """
SELECT count(*) AS everybody, count(*) FILTER (WHERE datname = $1 AND application_name <> 'nova-bell') AS working,
       count(*) FILTER (WHERE datname = $1 AND application_name = 'nova-bell') AS listening
FROM pg_stat_activity WHERE backend_type = 'client backend'
"""
_USABLE: Final = """
SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
       - coalesce(current_setting('reserved_connections', true)::int, 0)
"""


@dataclass(slots=True)
class Peak:
    """The most that was seen at any look; of those who listen the fewest, None before the first."""

    fewest_bells: int | None = None
    connections: int = 0
    working: int = 0
    at_replica: int = 0
    clients: int = 0
    waiting: int = 0
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What there is for connections: of PgBouncer at the primary, and of the primary and the replica for all.

    `most` is the primary's max_connections, of which `primary` are left to others than its administrators.
    """

    pooled: int
    most: int
    primary: int
    replica: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """PgBouncer's own sums: seconds that clients waited for a server, and transactions."""

    seconds: float
    transactions: int

    def since(self, before: "Waits") -> "Waits":
        """Return what was added."""
        return Waits(
            seconds=self.seconds - before.seconds, transactions=self.transactions - before.transactions
        )

    @property
    def mean_s(self) -> float:
        """The mean wait of a transaction."""
        return self.seconds / self.transactions if self.transactions else 0.0


@asynccontextmanager
async def watching(made: Ground, console: Console, peak: Peak) -> AsyncIterator[None]:
    """Look at PostgreSQL and PgBouncer again and again while the block runs."""
    async with AsyncExitStack() as stack:
        watchers = [await connect(url) for url in (made.postgres_url, made.replica_url) if url]
        for watcher in watchers:
            stack.push_async_callback(watcher.close)
        looking = asyncio.create_task(_watch(watchers, console, peak))
        try:
            yield
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking


async def _watch(watchers: Sequence[Connection], console: Console, peak: Peak) -> None:
    while True:
        seen, *replicas = [(await watcher.fetch(_PEAK, DATABASE))[0] for watcher in watchers]
        peak.connections = max(peak.connections, seen["everybody"])
        bells = seen["listening"]
        peak.fewest_bells = bells if peak.fewest_bells is None else min(peak.fewest_bells, bells)
        peak.working = max(peak.working, seen["working"])
        peak.at_replica = max([peak.at_replica, *(replica["everybody"] for replica in replicas)])
        pools = [pool for pool in await console.ask("POOLS") if pool["database"] == DATABASE]
        waiting = sum(int(pool["cl_waiting"]) for pool in pools)
        peak.waiting = max(peak.waiting, waiting)
        peak.clients = max(peak.clients, waiting + sum(int(pool["cl_active"]) for pool in pools))
        peak.wait_s = max(
            [peak.wait_s, *(int(pool["maxwait"]) + int(pool["maxwait_us"]) / 1e6 for pool in pools)]
        )
        await asyncio.sleep(LOOK_EVERY_S)


async def waits_of(console: Console) -> Waits:
    """Return the sums of all that PgBouncer has done for the storm so far."""
    own = [row for row in await console.ask("STATS") if row["database"] == DATABASE]
    return Waits(
        seconds=sum(int(row["total_wait_time"]) for row in own) / 1e6,
        transactions=sum(int(row["total_xact_count"]) for row in own),
    )


async def limits_of(made: Ground) -> Limits:
    """Return what there is for the connections of this storm."""
    settings = await Console(made.pooler_url).settings()
    most, primary = await _room_for(made.postgres_url)
    replica = (await _room_for(made.replica_url))[1] if made.replica_url else None
    return Limits(pooled=int(settings["max_db_connections"]), most=most, primary=primary, replica=replica)


async def _room_for(url: str) -> tuple[int, int]:
    """Return max_connections of a server, and how many of them are left to others than its administrators."""
    connection = await connect(url)
    try:
        return int(await connection.fetchval("SHOW max_connections")), await connection.fetchval(_USABLE)
    finally:
        await connection.close()


async def described(made: Ground) -> dict[str, str]:
    """Return the versions of both, and the limits under which they stand."""
    connection = await connect(made.postgres_url)
    try:
        version = await connection.fetchval("SHOW server_version")
        most = await connection.fetchval("SHOW max_connections")
    finally:
        await connection.close()
    console = Console(made.pooler_url)
    settings = await console.settings()
    names = (
        "pool_mode", "max_client_conn", "default_pool_size", "max_db_connections", "max_user_connections"
    )  # fmt: skip
    return {
        "postgres": f"{version}, max_connections {most}",
        "pgbouncer": ", ".join([await console.version(), *(f"{name} {settings[name]}" for name in names)]),
    }
