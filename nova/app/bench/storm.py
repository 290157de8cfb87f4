"""A storm of connections on PgBouncer: 1,000 clients at once, among them five copies of each room's own pool.

Every client has an open connection that has been used once before the storm begins. Then all of them run short
transactions, one after another without a pause, as fast as they are served: reads, then a write with its event. Beside
them stands whatever else connects: the bell of every process, two relays that empty the outboxes, and of each copy its
pool at the replica.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from nova.app.bench import machine
from nova.app.bench.console import Console
from nova.app.bench.figures import Figure, Result, quantile
from nova.app.bench.storm_ground import Ground, ground
from nova.app.bench.storm_shape import Party, Shape, parties
from nova.app.bench.storm_watch import Limits, Peak, Waits, described, limits_of, waits_of, watching
from nova.app.rooms import ROOMS
from nova.platform.config import Config
from nova.platform.db.bell import Bell
from nova.platform.db.database import Database, DatabaseConfig
from nova.platform.db.failures import DRIVER_ERRORS, translated
from nova.platform.db.metrics import REPLICA_READS
from nova.platform.db.tx import Tx
from nova.platform.errors import Internal, NovaError
from nova.platform.events import Event
from nova.platform.ids import uuid7
from nova.platform.outbox.take import RelayTx
from nova.platform.outbox.write import bell_name
from nova.platform.tasks import Tasks

CLIENTS: Final = 1000
COPIES: Final = 5
GATEWAYS: Final = 5
RELAYS: Final = 2
SECONDS: Final = 10.0
MAX_CONNECTIONS: Final = 200
_RELAYED_S: Final = 0.25
_DOORS: Final = 4
"""Pools that open at once: a connection has 5 s to open, and on few cores they wait for one another."""
_SHOWN: Final = 3
REPLICA_POOL: Final = 4

_BATCH: Final = 500

_NEWEST: Final = "SELECT id, done_at FROM deeds WHERE actor = $1 ORDER BY id DESC LIMIT 1"

_NOTES: Final = (
    "One process holds all clients: a room's copies are the house's own pools and bells, under a role of the room's;",
    "  a relay takes what is in the outboxes as the house's does, and drops it; the rest are pools of one connection.",
    "whole shape: PgBouncer's max_db_connections, a bell a process, a connection a room and relay, against what",
    "  PostgreSQL gives to others than its administrators; of the replica the pools of all copies of rooms.",
    "Clients never pause, so the cores are full: times say how long the queue is, not how quick a quiet Nova is.",
    "The client's own loop is in what it waits for; what PgBouncer says beside it is without.",
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


async def storm(config: Config) -> Result:
    """Raise a storm on the PgBouncer of the configuration, in a database of its own. Raises `NoPooler`."""
    everybody = parties(ROOMS, copies=COPIES, clients=CLIENTS)
    shape = Shape(rooms=len(ROOMS), copies=COPIES, gateways=GATEWAYS, relays=RELAYS)
    async with ground(config, ROOMS) as made:
        where = {
            **machine.machine(),
            "world": "none, a database of its own",
            "shape": _told(shape),
            **await described(made),
        }
        console, limits = Console(made.pooler_url), await limits_of(made)
        tally, peak = Tally(), Peak()
        async with (
            _opened(made, everybody, tally) as databases,
            _beside(made, shape) as beside,
            watching(made, console, peak),
        ):
            before, replica = await waits_of(console), replica_reads()
            began = time.perf_counter()
            await _rage(everybody, databases, tally, until=began + SECONDS)
            lasted_s = time.perf_counter() - began
            await beside.check()
            waits, replica = (await waits_of(console)).since(before), replica_reads() - replica
    return Result(
        benchmark="storm",
        machine=where,
        figures=[
            *figures_of(tally, peak, waits, shape=shape, limits=limits, lasted_s=lasted_s),
            *_of_the_replica(replica),
        ],
        notes=(*_NOTES, *(f"refused: {error!r}, by {error.__cause__!r}" for error in tally.refused[:_SHOWN])),
    )


def figures_of(
    tally: Tally, peak: Peak, waits: Waits, *, shape: Shape, limits: Limits, lasted_s: float
) -> list[Figure]:
    """Return what is told of a storm. Raises `Internal` where nobody was served."""
    if not tally.to_connection_s or not tally.to_transaction_s:
        raise Internal(f"Nobody was served: {tally.refused[0]!r}." if tally.refused else "Nobody was served.")
    return [
        Figure(name="clients of PgBouncer, peak", value=peak.clients, unit="", least=CLIENTS),
        Figure(name="refused or failed", value=len(tally.refused), unit="", goal=0),
        Figure(
            name="bells that listen, fewest at a look",
            value=peak.fewest_bells or 0,
            unit="",
            least=shape.bells,
        ),
        Figure(name="max_connections of PostgreSQL", value=limits.most, unit="", goal=MAX_CONNECTIONS),
        Figure(name="connections of PostgreSQL, peak", value=peak.connections, unit="", goal=limits.primary),
        Figure(
            name="connections of PostgreSQL, whole shape",
            value=shape.at_most(limits.pooled),
            unit="",
            goal=limits.primary,
        ),
        Figure(name="  of these from PgBouncer and relays, peak", value=peak.working, unit=""),
        *_at_replica(peak, shape, limits),
        Figure(name="PgBouncer, wait for a server, mean", value=waits.mean_s * 1000, unit="ms"),
        Figure(name="PgBouncer, wait for a server, longest", value=peak.wait_s * 1000, unit="ms"),
        Figure(name="PgBouncer, clients that wait, peak", value=peak.waiting, unit=""),
        *_quantiles("pool wait, to a connection", tally.to_connection_s),
        *_quantiles("pool wait, to a transaction", tally.to_transaction_s),
        Figure(name="transactions", value=tally.transactions / lasted_s, unit="/s"),
        Figure(name="statements", value=tally.statements, unit=""),
    ]


def replica_reads() -> Counter[str]:
    """Return how many reads a replica served so far in this process, and why it did not serve the others."""
    reads = Counter[str]()
    for metric in REPLICA_READS.collect():
        for sample in metric.samples:
            if sample.name.endswith("_total"):
                reads[sample.labels["outcome"]] += int(sample.value)
    return reads


def _of_the_replica(reads: Counter[str]) -> list[Figure]:
    return [
        Figure(name=f"reads that a replica might answer: {outcome}", value=count, unit="")
        for outcome, count in sorted(reads.items())
    ]


def _at_replica(peak: Peak, shape: Shape, limits: Limits) -> list[Figure]:
    if limits.replica is None:
        return []
    whole = shape.at_replica(REPLICA_POOL)
    return [
        Figure(name="connections of the replica, peak", value=peak.at_replica, unit="", goal=limits.replica),
        Figure(name="connections of the replica, whole shape", value=whole, unit="", goal=limits.replica),
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
                room=party.room,
                dsn=made.pooled[party.room],
                replica_dsn=made.replica.get(party.room) if party.copy else None,
                pool_size=party.size,
                replica_pool_size=REPLICA_POOL,
                behind_pooler=True,
            )
            databases.append(await stack.enter_async_context(Database(settings, bell)))
        async with asyncio.TaskGroup() as opening:
            for party, database in zip(everybody, databases, strict=True):
                opening.create_task(tally.note(_fill(database, party.size, door)))
        yield databases


@asynccontextmanager
async def _beside(made: Ground, shape: Shape) -> AsyncIterator[Tasks]:
    """Run what connects straight to PostgreSQL beside the rooms: the bells of gateways, and relays with theirs.

    A relay that is refused ends; its tasks are yielded, to be checked.
    """
    async with AsyncExitStack() as stack:
        bells = [Bell(made.direct[ROOMS[0]]) for _ in range(shape.gateways + shape.relays)]
        for bell in bells:
            await bell.open()
            stack.push_async_callback(bell.close)
        tasks = Tasks()
        for number, bell in enumerate(bells[: shape.relays]):
            for room in ROOMS:
                settings = DatabaseConfig(room=room, dsn=made.direct[room])
                database = await stack.enter_async_context(Database(settings, bell))
                tasks.spawn(f"relay-{number}-{room}", _relay(database), critical=True)
        stack.push_async_callback(tasks.aclose)
        yield tasks


async def _relay(database: Database) -> None:
    """Empty an outbox for good whenever its bell rings, as a relay does whose log takes all."""
    with database.bell.listen(bell_name(database.room)) as ear:
        while True:
            ear.forget()
            async with database.transaction(RelayTx) as tx:
                rows = await tx.claim(_BATCH)
                await tx.remove(rows)
            if len(rows) < _BATCH:
                await ear.wait(_RELAYED_S)


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
        if party.copy:
            await tally.note(_read(actor, database, tally))
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


async def _read(actor: int, database: Database, tally: Tally) -> None:
    """Read as rooms do: from the replica where it is as new as the primary."""
    await database.fetchrow(_NEWEST, actor)
    tally.statements += 1


async def _act(actor: int, database: Database, tally: Tally) -> None:
    asked = time.perf_counter()
    async with database.transaction(StormTx) as tx:
        tally.to_transaction_s.append(time.perf_counter() - asked)
        await tx.add_deed(actor)
    tally.transactions += 1
    tally.statements += 4  # BEGIN, the deed, its event, COMMIT


def _told(shape: Shape) -> str:
    return (
        f"{CLIENTS:,} clients, {shape.copies} copies of each room, {shape.gateways} of the gateway, "
        f"{shape.relays} of the relay"
    )
