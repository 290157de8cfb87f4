"""From a commit to its effect in another room, by the log in PostgreSQL and by Kafka in turn.

    NOVA_TEST_ENGINES=.nova-engines/env python -m bench.micro.bench_effect

The whole way: outbox, wake-up, relay, log, consumer, the effect's own commit. Events come one by one, so this is the
delay, not the rate. Exits with 3 when Kafka misses the tightest objective of the topics, 100 ms at the 95th percentile.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from uuid import UUID, uuid4

from google.protobuf.wrappers_pb2 import BytesValue

from bench.micro.field import Field, field
from nova.app.cli_command import MISSED
from nova.platform.consumer import Consumer
from nova.platform.db.bell import Bell
from nova.platform.db.database import Database
from nova.platform.db.tx import Tx
from nova.platform.events import Received, Topic
from nova.platform.ids import uuid7
from nova.platform.log.kafka import KafkaLog
from nova.platform.log.kafka_cluster import Cluster
from nova.platform.log.port import EventLog
from nova.platform.relay import Relay
from tests.real import ENGINES
from tests.waiting import running

THINGS = Topic("bench.thing.done", BytesValue, key="value", partitions=16)
ROUNDS, WARM_UP = 400, 40
OBJECTIVE_S = 0.1


class Way:
    """From one room to another over a log, with a bell of its own."""

    def __init__(self, name: str, log: EventLog, told: Database, heard: Database) -> None:
        self.name = name
        self.times_s: list[float] = []
        self._told = told
        self._seen: dict[UUID, asyncio.Event] = {}
        self._relay = Relay(database=told, log=log, topics=[THINGS])
        self._consumer = Consumer(
            group="bench", database=heard, tx_type=Tx, log=log, handlers={THINGS: self._handle}
        )

    def work(self) -> tuple[object, object]:
        """Return what must run beside the events."""
        return self._relay.run(), self._consumer.run()

    async def once(self) -> None:
        """Commit one event and wait until its effect is committed."""
        event = THINGS.event(BytesValue(value=uuid4().bytes + bytes(284)))
        seen = self._seen[event.id] = asyncio.Event()
        async with self._told.transaction(Tx) as tx:
            tx.emit(event)
        committed = time.perf_counter()
        await seen.wait()
        self.times_s.append(time.perf_counter() - committed)

    async def _handle(self, tx: Tx, events: Sequence[Received[BytesValue]]) -> None:
        await tx.fetch(
            "SELECT pg_advisory_xact_lock_shared(1)"
        )  # an effect: a statement of the handler's own
        for event in events:
            tx.after_commit(self._seen.pop(event.id).set)


async def measure(source: Field) -> list[Way]:
    """Take turns between the two, one event at a time."""
    async with AsyncExitStack() as stack:
        bell = Bell()
        cluster = Cluster(bootstrap=ENGINES["NOVA_KAFKA_BOOTSTRAP"], prefix=f"bench-{uuid7().hex[-12:]}.")
        logs: dict[str, EventLog] = {
            "log in PostgreSQL": await source.scratch.log(bell=bell),
            "Kafka": await stack.enter_async_context(KafkaLog(cluster)),
        }
        ways = []
        for name, log in logs.items():
            await log.declare([THINGS])
            rooms = [await source.scratch.database(bell=bell) for _ in range(2)]
            ways.append(Way(name, log, *rooms))
        async with running(*(work for way in ways for work in way.work())):  # type: ignore[arg-type] # coroutines
            for _ in range(ROUNDS):
                for way in ways:
                    await way.once()
    return ways


def main() -> int:
    """Print the percentiles of both."""
    if not ENGINES:
        print("Set NOVA_TEST_ENGINES to the file `env` of `make engines`.", file=sys.stderr)
        return 2
    with field() as source:
        ways = source.run(measure(source))
    p95_s = {}
    for way in ways:
        cuts = statistics.quantiles(way.times_s[WARM_UP:], n=100)
        p95_s[way.name] = cuts[94]
        shown = "   ".join(f"p{place} {cuts[place - 1] * 1000:6.1f} ms" for place in (50, 95, 99))
        print(f"{way.name:<18} {shown}   ({ROUNDS - WARM_UP} events)")
    return 0 if p95_s["Kafka"] <= OBJECTIVE_S else MISSED


if __name__ == "__main__":
    sys.exit(main())
