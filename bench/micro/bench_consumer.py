"""The idempotent consumer: a transaction for 200 events beside one for each, and beside one statement a batch."""

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

from google.protobuf.wrappers_pb2 import BytesValue

from bench.micro.field import field
from bench.micro.harness import Case, Contender, main
from nova.platform.consumer import Consumer
from nova.platform.events import Received, Topic
from nova.platform.ids import uuid7
from nova.platform.log.port import Record
from tests.scratch import EffectTx

MODULE = "bench.micro.bench_consumer"
BATCH, PAYLOAD = 200, 300
THINGS = Topic("bench.thing.done", BytesValue, key="value")


VALUE = BytesValue(value=bytes(PAYLOAD)).SerializeToString()
_first = itertools.count(uuid7().int, BATCH)


def records() -> list[Record]:
    """Return a batch of fresh events, made as cheaply as can be: it is timed with the rest."""
    now, first = datetime.now(UTC), next(_first)
    return [Record(UUID(int=first + nth), THINGS.name, b"k", VALUE, now, "bench", {}) for nth in range(BATCH)]


async def write_effects(tx: EffectTx, events: Sequence[Received[BytesValue]]) -> None:
    """One row for each event, in one statement."""
    await tx.add_effects([(event.id, event.key, 0) for event in events])


def cases() -> Iterator[Case]:
    """Handle 200 fresh events with one row of effect each; a call is 200 events."""
    with field() as source:
        database, log = source.run(source.scratch.database()), source.run(source.scratch.log())
        consumer = Consumer(
            group="bench", database=database, tx_type=EffectTx, log=log, handlers={THINGS: write_effects}
        )

        async def one_by_one() -> None:
            for record in records():
                await consumer.deliver([record])

        async def count() -> int:
            return int(await database.primary.fetchval("SELECT count(*) FROM effects"))

        def check(turn: int) -> None:
            before = source.run(count())
            batch = records()
            source.run(consumer.deliver(batch))
            source.run(consumer.deliver(batch))
            source.run(one_by_one())
            assert source.run(count()) == before + 2 * BATCH, turn

        again = itertools.cycle([records()])
        yield Case(
            f"{BATCH} events of {PAYLOAD} B",
            Contender("nova, 200 a transaction", lambda _: source.run(consumer.deliver(records()))),
            [
                Contender("one a transaction", lambda _: source.run(one_by_one()), 0.02),
                Contender(
                    "duplicates, 200 a transaction", lambda _: source.run(consumer.deliver(next(again)))
                ),
            ],
            1,
            check,
        )


if __name__ == "__main__":
    main(MODULE, cases)
