"""A Kafka cluster as Nova uses it: its names, and the clients with the settings that the promises rest on."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    RecordTooLargeError,
)

from nova.platform.errors import Unavailable
from nova.platform.log.kafka_dials import paced
from nova.platform.log.kafka_security import KafkaSecurity
from nova.platform.log.port import MAX_RECORD_BYTES, Refused

Place: TypeAlias = TopicPartition
"""A partition as Kafka names it."""

MAX_MESSAGE_BYTES = 2 * MAX_RECORD_BYTES
"""A record with its headers, its frame and a dead letter's marks fits."""
ANSWER_S = 10.0
# A broker answers the transaction after another one with "not yet" while it writes the markers of that: ask again soon.
# One that is not there is asked less often (`kafka_dials`).
_RETRY_S = 0.005
_TRANSACTION_S = 10.0
_REFUSALS = (InvalidTopicError, MessageSizeTooLargeError, RecordListTooLargeError, RecordTooLargeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Where the brokers answer, and what stands before each name of ours on them.

    `bootstrap` is host:port, with commas. `replication` is that of the topics that are made. A client is made by
    `security`; making one raises `BadConfig` where its files cannot be used. A group misses a member that is silent for
    `session_s`; one that is asked for its partitions gets `rebalance_s` to end its batch, then the group goes on
    without it.
    """

    bootstrap: str
    prefix: str = ""
    replication: int = 1
    security: KafkaSecurity = field(default_factory=KafkaSecurity)
    session_s: float = 10.0
    rebalance_s: float = 30.0

    def on_wire(self, name: str) -> str:
        """Return the name that a topic, a group or a producer has on the cluster."""
        return self.prefix + name

    def off_wire(self, name: str) -> str:
        """Return our name of what the cluster calls `name`."""
        return name.removeprefix(self.prefix)

    def admin(self) -> AIOKafkaAdminClient:
        """Return a client that makes and describes."""
        return paced(AIOKafkaAdminClient(**self._client(), request_timeout_ms=_ms(ANSWER_S)))

    def member(self, group: str) -> AIOKafkaConsumer:
        """Return a consumer of a group. It commits when told to, and begins at the oldest record."""
        return paced(
            AIOKafkaConsumer(
                **self._client(),
                group_id=self.on_wire(group),
                isolation_level="read_committed",
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                session_timeout_ms=_ms(self.session_s),
                heartbeat_interval_ms=_ms(self.session_s / 10),
                rebalance_timeout_ms=_ms(self.rebalance_s),
            )
        )

    def reader(self) -> AIOKafkaConsumer:
        """Return a consumer of no group. A position that is not kept any more is an error to it."""
        return paced(
            AIOKafkaConsumer(
                **self._client(),
                isolation_level="read_committed",
                auto_offset_reset="none",
                enable_auto_commit=False,
                request_timeout_ms=_ms(ANSWER_S),
            )
        )

    def producer(self, identity: str | None = None) -> AIOKafkaProducer:
        """Return an idempotent producer that waits for all replicas in sync.

        With an `identity` it writes in transactions, and whoever starts a producer of that identity later fences it.
        """
        return paced(
            AIOKafkaProducer(
                **self._client(),
                acks="all",
                enable_idempotence=True,
                transactional_id=None if identity is None else self.on_wire(identity),
                transaction_timeout_ms=_ms(_TRANSACTION_S),
                max_request_size=MAX_MESSAGE_BYTES,
                max_batch_size=64 << 10,
                request_timeout_ms=_ms(ANSWER_S),
                retry_backoff_ms=_ms(_RETRY_S),
            )
        )

    def _client(self) -> dict[str, Any]:
        """Return what every client is told."""
        return {"bootstrap_servers": self.bootstrap, "client_id": "nova", **self.security.options()}


@contextmanager
def translated() -> Iterator[None]:
    """Raise Kafka's errors as the house's: `Refused` for what will never be taken, else `Unavailable`."""
    try:
        yield
    except _REFUSALS as error:
        raise Refused(f"Kafka takes no such record: {type(error).__name__}.") from error
    except (KafkaError, OSError) as error:
        raise Unavailable(f"Kafka: {type(error).__name__}") from error


@asynccontextmanager
async def answered(within_s: float = ANSWER_S) -> AsyncIterator[None]:
    """As `translated`, and `Unavailable` too when the block takes more than `within_s` seconds."""
    try:
        async with asyncio.timeout(within_s):
            with translated():
                yield
    except TimeoutError as error:
        raise Unavailable(f"Kafka has not answered in {within_s:g} s.") from error


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
