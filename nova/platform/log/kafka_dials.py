"""How often Nova's clients of Kafka dial: a broker that is away is not beset.

aiokafka dials when something is to be sent, and what waits to be sent asks again after `retry_backoff_ms`. For
producers that is milliseconds here, since a broker that is there says "not yet" between two transactions; to one that
is not there each outbox would come 200 times a second. Java's clients rest before they dial again
(`reconnect.backoff.ms`), and so do these. There is no public way to that, so this reaches for their parts.
"""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import ConnectionGroup
from aiokafka.conn import AIOKafkaConnection, CloseReason

from nova.platform.backoff import Backoff

Client: TypeAlias = AIOKafkaAdminClient | AIOKafkaConsumer | AIOKafkaProducer
ClientT = TypeVar("ClientT", AIOKafkaAdminClient, AIOKafkaConsumer, AIOKafkaProducer)

# At least a tenth of a second; at most well within what a client has to stop in.
_RESTS = Backoff(first_s=0.2, longest_s=1.0)
_LOST = (CloseReason.CONNECTION_BROKEN, CloseReason.CONNECTION_TIMEOUT)


def wire_of(client: Client) -> Any:  # noqa: ANN401 - aiokafka ships without types
    """Return the part of a client that has its connections."""
    return client.client if isinstance(client, AIOKafkaProducer) else client._client  # noqa: SLF001 - see above


def paced(client: ClientT) -> ClientT:
    """Have a client rest before it dials a broker that it could not reach, or lost: longer each time in a row."""
    _Dials(wire_of(client))
    return client


@dataclass(slots=True)
class _Rest:
    """Of one broker. Who wants to dial it takes turns, or all would dial at the end of each rest."""

    failures: int = 0
    until: float = 0.0
    turns: asyncio.Lock = field(default_factory=asyncio.Lock)

    def failed(self) -> None:
        self.failures += 1
        self.until = asyncio.get_running_loop().time() + _RESTS.wait_s(self.failures)

    async def over(self) -> None:
        left_s = self.until - asyncio.get_running_loop().time()
        if left_s > 0:
            await asyncio.sleep(left_s)


class _Dials:
    """Stands where a client of aiokafka asks for its connections, and hears which of them close."""

    def __init__(self, wire: Any) -> None:  # noqa: ANN401 - aiokafka's
        self._conns = wire._conns  # noqa: SLF001 - see above
        self._dial, self._closed = wire._get_conn, wire._on_connection_closed  # noqa: SLF001 - see above
        self._rests: dict[object, _Rest] = defaultdict(_Rest)
        wire._get_conn, wire._on_connection_closed = self._connection, self._note  # noqa: SLF001 - see above

    async def _connection(
        self, node: object, *, group: ConnectionGroup = ConnectionGroup.DEFAULT
    ) -> AIOKafkaConnection | None:
        """Return a connection to a broker; None where it cannot be reached, as aiokafka has it."""
        held = self._conns.get((node, group))
        if held is not None and held.connected():
            return held
        rest = self._rests[node]
        async with rest.turns:
            await rest.over()
            made = await self._dial(node, group=group)
            if made is None:
                rest.failed()
            else:
                rest.failures = 0
        return made

    def _note(self, connection: AIOKafkaConnection, reason: CloseReason | None) -> None:
        lost = [node for (node, _), held in self._conns.items() if held is connection]
        if reason in _LOST:
            for node in lost:
                self._rests[node].failed()
        self._closed(connection, reason)
