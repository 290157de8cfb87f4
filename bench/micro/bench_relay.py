"""The outbox relay beside a bare claim and delete, which keeps no order, fences nobody and tells no log."""

from collections.abc import Iterator, Sequence

import asyncpg
from google.protobuf.wrappers_pb2 import BytesValue

from bench.micro.field import Field, field
from bench.micro.harness import Case, Contender, main
from nova.platform.db.bell import Bell
from nova.platform.db.database import Database
from nova.platform.db.tx import Tx
from nova.platform.events import Topic
from nova.platform.log.port import Fence, Record
from nova.platform.log.postgres import PostgresLog
from nova.platform.relay import Relay

MODULE = "bench.micro.bench_relay"
THINGS = Topic("bench.thing.done", BytesValue, key="value")
BATCH, ROWS, PAYLOAD = 500, 100_000, 300
_AT_ONCE = 10_000

_FILL = """
INSERT INTO outbox (id, topic, key, payload, headers, emitted_at)
SELECT gen_random_uuid(), $3, int4send(n % 1000), decode(repeat('ab', $2), 'hex'), '{}', now()
FROM generate_series(1, $1) AS n
"""


class Sink(PostgresLog):
    """Takes records and keeps the last of them: what is timed is the outbox."""

    last: Sequence[Record] = ()

    async def append(self, records: Sequence[Record], *, fence: Fence | None = None) -> None:  # noqa: ARG002 - the port's
        self.last = records


async def filled(source: Field) -> Database:
    """Return a room whose outbox holds rows enough for all rounds."""
    database = await source.scratch.database()
    async with database.transaction(Tx) as tx:
        for _ in range(ROWS // _AT_ONCE):
            await tx.execute(_FILL, _AT_ONCE, PAYLOAD, THINGS.name)
    return database


async def bare(connection: "asyncpg.Connection[asyncpg.Record]") -> int:
    """Take a batch as plainly as it can be taken."""
    async with connection.transaction():
        rows = await connection.fetch(
            "SELECT * FROM outbox ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED", BATCH
        )
        await connection.execute("DELETE FROM outbox WHERE seq = any($1)", [row["seq"] for row in rows])
    return len(rows)


def cases() -> Iterator[Case]:
    """Take 500 rows of 300 bytes from an outbox, per-key order kept; a call is a batch."""
    with field() as source:
        rooms = [source.run(filled(source)) for _ in range(3)]
        connection = source.run(asyncpg.connect(source.scratch.engines.room_dsn(rooms[0].room)))
        sink = Sink(dsn="postgresql:///none", bell=Bell())
        alone = Relay(database=rooms[1], log=sink, topics=[], batch=BATCH)
        log = source.run(source.scratch.log())
        whole = Relay(database=rooms[2], log=log, topics=[THINGS], batch=BATCH)

        def check(turn: int) -> None:
            assert source.run(bare(connection)) == BATCH
            assert source.run(alone.publish()) == BATCH
            assert len({record.id for record in sink.last}) == BATCH
            assert [int.from_bytes(record.key, "big") for record in sink.last] == [
                (n + 1 + turn * BATCH) % 1000 for n in range(BATCH)
            ]
            assert source.run(whole.publish()) == BATCH

        yield Case(
            f"outbox, {BATCH} rows of {PAYLOAD} B",
            Contender("nova, relay into nothing", lambda _: source.run(alone.publish())),
            [
                Contender("bare SELECT … FOR UPDATE + DELETE", lambda _: source.run(bare(connection)), 1.25),
                Contender("nova, relay into the log", lambda _: source.run(whole.publish())),
            ],
            2,
            check,
        )
        source.run(connection.close())


if __name__ == "__main__":
    main(MODULE, cases)
