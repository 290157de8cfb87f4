"""A storm of connections on PgBouncer: 1,000 clients at once, among them five copies of each room's own pool.

Every client has an open connection that has been used once before the storm begins. Then all of them run short
transactions, one after another without a pause, as fast as they are served: a read, then a write with its event.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg

from nova.app.bench import machine
from nova.app.bench.console import Console
from nova.app.bench.figures import Figure, Result, quantile
from nova.app.bench.storm_ground import DATABASE, Ground, ground
from nova.app.engines.addresses import connect
from nova.app.rooms import ROOMS
from nova.platform.config import Config
from nova.platform.db.bell import Bell
from nova.platform.db.database import Database, DatabaseConfig
from nova.platform.db.failures import DRIVER_ERRORS, translated
from nova.platform.db.tx import Tx
from nova.platform.errors import Internal, NovaError
from nova.platform.events import Event
from nova.platform.ids import uuid7

CLIENTS: Final = 1000
COPIES: Final = 5
POOL: Final = 8
CROWD: Final = 12
"""Callers of a room's pool of 8: some of them always wait for a connection."""
SERVERS: Final = 200
SECONDS: Final = 10.0
LOOK_EVERY_S: Final = 0.25
_DOORS: Final = 4
"""Pools that open at once: a connection has 5 s to open, and on few cores they wait for one another."""
_SHOWN: Final = 3

_PEAK: Final = """
SELECT count(*) AS everybody, count(*) FILTER (WHERE datname = $1 AND application_name <> 'nova-bell') AS pooled
FROM pg_stat_activity WHERE backend_type = 'client backend'
"""
_NEWEST: Final = "SELECT id, done_at FROM deeds WHERE actor = $1 ORDER BY id DESC LIMIT 1"

_NOTES: Final = (
    "One process holds all clients: a room's copies are pools of the house's own kind, under a role of the room's, and",
    "  a bell each straight at PostgreSQL, as its processes have; the rest are pools of one connection.",
    "Clients never pause, so the cores are full: times say how long the queue is, not how quick a quiet Nova is.",
    "to a connection: of those who share a room's pool, from asking for one to having it (the room's own wait).",
    "to a transaction: of everybody, from asking for one to PostgreSQL's answer to BEGIN; PgBouncer's wait is in it.",
    "PgBouncer: its own sum of waits for a server by its count of transactions, and the longest it saw at a look.",
)


class StormTx(Tx):
    """What a client writes."""

    async def add_deed(self, actor: int) -> None:
        """Record one more deed, and tell of it."""
        deed = uuid7()
        await self.execute("INSERT INTO deeds (id, actor) VALUES ($1, $2)", deed, actor)
        self.emit(Event(id=uuid7(), topic="storm", key=deed.bytes, payload=b"", emitted_at=datetime.now(UTC)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Callers that share a pool of `size` connections under a room's role; `copy`: they are a copy of that room."""

    room: str
    size: int
    callers: int
    copy: bool


def parties(rooms: Sequence[str], *, copies: int, clients: int) -> list[Party]:
    """Return the copies of each room, and as many clients of one connection each as are missing to `clients`."""
    own = [Party(room=room, size=POOL, callers=CROWD, copy=True) for _ in range(copies) for room in rooms]
    rest = clients - len(own) * POOL
    if rest < 0:
        raise ValueError(f"{copies} copies of {len(rooms)} rooms are more than {clients} connections")
    single = [Party(room=rooms[place % len(rooms)], size=1, callers=1, copy=False) for place in range(rest)]
    return [*own, *single]


@dataclass(slots=True)
class Tally:
    """What the clients saw: seconds, transactions that ended well, statements, and what was refused."""

    to_connection_s: list[float] = field(default_factory=list)
    to_transaction_s: list[float] = field(default_factory=list)
    transactions: int = 0
    statements: int = 0
    refused: list[BaseException] = field(default_factory=list)

    async def note(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work`; what the house or the driver refuses is counted, anything else is raised."""
        try:
            await work
        except (NovaError, *DRIVER_ERRORS) as error:
            self.refused.append(error)


@dataclass(slots=True)
class Peak:
    """The most that was seen at any look."""

    connections: int = 0
    pooled: int = 0
    clients: int = 0
    wait_s: float = 0.0


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


async def storm(config: Config) -> Result:
    """Raise a storm on the PgBouncer of the configuration, in a database of its own. Raises `NoPooler`."""
    everybody = parties(ROOMS, copies=COPIES, clients=CLIENTS)
    async with ground(config, ROOMS) as made:
        where = {**machine.machine(), **await _limits(made)}
        console = Console(made.pooler_url)
        tally, peak = Tally(), Peak()
        async with _opened(made, everybody, tally) as databases, _watching(made, console, peak):
            before = await _waits(console)
            began = time.perf_counter()
            await _rage(everybody, databases, tally, until=began + SECONDS)
            lasted_s = time.perf_counter() - began
            waits = (await _waits(console)).since(before)
    return Result(
        benchmark="storm",
        machine=where,
        figures=figures_of(tally, peak, waits, lasted_s=lasted_s),
        notes=(*_NOTES, *(f"refused: {error!r}, by {error.__cause__!r}" for error in tally.refused[:_SHOWN])),
    )


def figures_of(tally: Tally, peak: Peak, waits: Waits, *, lasted_s: float) -> list[Figure]:
    """Return what is told of a storm. Raises `Internal` where nobody was served."""
    if not tally.to_connection_s or not tally.to_transaction_s:
        raise Internal(f"Nobody was served: {tally.refused[0]!r}." if tally.refused else "Nobody was served.")
    return [
        Figure(name="clients of PgBouncer, peak", value=peak.clients, unit="", least=CLIENTS),
        Figure(name="refused or failed", value=len(tally.refused), unit="", goal=0),
        Figure(name="connections of PostgreSQL, peak", value=peak.connections, unit="", goal=SERVERS),
        Figure(name="connections of PostgreSQL from PgBouncer, peak", value=peak.pooled, unit=""),
        *_quantiles("pool wait, to a connection", tally.to_connection_s),
        *_quantiles("pool wait, to a transaction", tally.to_transaction_s),
        Figure(name="PgBouncer, wait for a server, mean", value=waits.mean_s * 1000, unit="ms"),
        Figure(name="PgBouncer, wait for a server, longest", value=peak.wait_s * 1000, unit="ms"),
        Figure(name="transactions", value=tally.transactions / lasted_s, unit="/s"),
        Figure(name="statements", value=tally.statements, unit=""),
    ]


def _quantiles(name: str, seconds: Sequence[float]) -> list[Figure]:
    return [
        Figure(name=f"{name}, p{share}", value=quantile(seconds, share / 100) * 1000, unit="ms")
        for share in (50, 95, 99)
    ]


@asynccontextmanager
async def _opened(made: Ground, everybody: Sequence[Party], tally: Tally) -> AsyncIterator[list[Database]]:
    """Yield the pool of each party, with all its connections open, and a bell for each copy of a room."""
    door = asyncio.Semaphore(_DOORS)
    async with AsyncExitStack() as stack:
        databases = []
        for party in everybody:
            bell = Bell(made.direct[party.room] if party.copy else None)
            await bell.open()
            stack.push_async_callback(bell.close)
            settings = DatabaseConfig(
                room=party.room, dsn=made.pooled[party.room], pool_size=party.size, behind_pooler=True
            )
            databases.append(await stack.enter_async_context(Database(settings, bell)))
        async with asyncio.TaskGroup() as opening:
            for party, database in zip(everybody, databases, strict=True):
                opening.create_task(tally.note(_fill(database, party.size, door)))
        yield databases


async def _fill(database: Database, size: int, door: asyncio.Semaphore) -> None:
    """Open all connections of a pool, and let each go once through what it will do: asyncpg asks for types first.

    A pool opens another connection only while those that it has are on loan.
    """
    async with door, AsyncExitStack() as lent:
        for actor in range(size):
            tx = await lent.enter_async_context(database.transaction(StormTx))
            await tx.fetchrow(_NEWEST, actor)
            await tx.add_deed(actor)


async def _rage(
    everybody: Sequence[Party], databases: Sequence[Database], tally: Tally, *, until: float
) -> None:
    async with asyncio.TaskGroup() as raging:
        for place, (party, database) in enumerate(zip(everybody, databases, strict=True)):
            for _ in range(party.callers):
                raging.create_task(_client(place, party, database, tally, until=until))


async def _client(actor: int, party: Party, database: Database, tally: Tally, *, until: float) -> None:
    while time.perf_counter() < until:
        await tally.note(_look(actor, party, database, tally))
        await tally.note(_act(actor, database, tally))


async def _look(actor: int, party: Party, database: Database, tally: Tally) -> None:
    asked = time.perf_counter()
    async with database.primary.connection() as connection:
        if party.copy:
            tally.to_connection_s.append(time.perf_counter() - asked)
        with translated():
            await connection.fetchrow(_NEWEST, actor)
    tally.transactions += 1
    tally.statements += 1


async def _act(actor: int, database: Database, tally: Tally) -> None:
    asked = time.perf_counter()
    async with database.transaction(StormTx) as tx:
        tally.to_transaction_s.append(time.perf_counter() - asked)
        await tx.add_deed(actor)
    tally.transactions += 1
    tally.statements += 4  # BEGIN, the deed, its event, COMMIT


@asynccontextmanager
async def _watching(made: Ground, console: Console, peak: Peak) -> AsyncIterator[None]:
    """Look at PostgreSQL and PgBouncer again and again while the block runs."""
    watcher = await connect(made.postgres_url)
    looking = asyncio.create_task(_watch(watcher, console, peak))
    try:
        yield
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
        await watcher.close()


async def _watch(watcher: "asyncpg.Connection[asyncpg.Record]", console: Console, peak: Peak) -> None:
    while True:
        (seen,) = await watcher.fetch(_PEAK, DATABASE)
        peak.connections = max(peak.connections, seen["everybody"])
        peak.pooled = max(peak.pooled, seen["pooled"])
        pools = [pool for pool in await console.ask("POOLS") if pool["database"] == DATABASE]
        peak.clients = max(
            peak.clients, sum(int(pool["cl_active"]) + int(pool["cl_waiting"]) for pool in pools)
        )
        peak.wait_s = max(
            [peak.wait_s, *(int(pool["maxwait"]) + int(pool["maxwait_us"]) / 1e6 for pool in pools)]
        )
        await asyncio.sleep(LOOK_EVERY_S)


async def _waits(console: Console) -> Waits:
    own = [row for row in await console.ask("STATS") if row["database"] == DATABASE]
    return Waits(
        seconds=sum(int(row["total_wait_time"]) for row in own) / 1e6,
        transactions=sum(int(row["total_xact_count"]) for row in own),
    )


async def _limits(made: Ground) -> dict[str, str]:
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
