"""How Nova's clients of Kafka begin and end: within bounds, and with nothing of them going on afterwards.

aiokafka's `stop` waits for all that is in flight, however long that takes; when it is cut short it leaves tasks and
sockets behind, and does nothing when it is called again. A producer that is left like that writes what it had in hand
whenever the broker is back, and a consumer is a member of its group that handles nothing. There is no public way to
end them, so this reaches for their parts.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, NodeNotReadyError, ProducerClosed

from nova.platform.log.kafka_cluster import ANSWER_S, answered
from nova.platform.log.kafka_dials import Client, wire_of

_CONNECT_S = 1.0
_STOP_S = 3.0


async def started(client: Client, *, within_s: float = ANSWER_S) -> None:
    """Start a client; where that fails, or takes too long, or is cancelled, end it. Raises `Unavailable`.

    A client that is cancelled while it connects would lose that connection, so it gets a moment to connect first.
    """
    starting = asyncio.ensure_future(client.start())
    try:
        async with answered(within_s):
            await _brokers_named(asyncio.shield(starting))
    except BaseException:
        try:
            await asyncio.wait([starting], timeout=_CONNECT_S)
        finally:
            starting.cancel()
            await ended(client)
        raise


async def _brokers_named(starting: Awaitable[None]) -> None:
    """Wait for a start. Raises `NodeNotReadyError` where a broker names none: it was fenced, as after it has hung."""
    try:
        await starting
    except AssertionError as error:  # aiokafka takes it for granted that whoever was reached names somebody
        raise NodeNotReadyError from error


async def ended(client: Client) -> None:
    """Stop a client. It may be that there is nobody to say goodbye to: then it is cut off."""
    stop = client.close if isinstance(client, AIOKafkaAdminClient) else client.stop
    try:
        with suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(_STOP_S):
                await stop()
    finally:
        await _cut(client)


def works(consumer: AIOKafkaConsumer) -> bool:
    """Whether the tasks still run by which a consumer keeps its place in its group, and fetches.

    One that has died of an error that aiokafka did not expect is not begun again: the consumer says so for ever, or
    nothing at all.
    """
    coordinator = consumer._coordinator  # noqa: SLF001 - see above
    tasks = (coordinator._coordination_task, consumer._fetcher.error_future)  # noqa: SLF001 - see above
    return not any(task.done() for task in tasks)


async def _cut(client: Client) -> None:
    """End what `stop` has left: the client's tasks, the records that it still held, and its connections."""
    wire = wire_of(client)
    left = [task for task in asyncio.all_tasks() if _works_on(task, wire)]
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=_STOP_S)
    if isinstance(client, AIOKafkaProducer):
        client._message_accumulator.fail_all(ProducerClosed())  # noqa: SLF001 - see above
    for connection in wire._conns.values():  # noqa: SLF001 - see above
        if connection.connected():
            # Or what is still to be sent would go out later.
            connection._writer.transport.abort()  # noqa: SLF001 - see above
    await wire.close()


def _works_on(task: "asyncio.Task[Any]", wire: object) -> bool:
    """Whether a task is one of aiokafka's that speaks over `wire`: it runs a method of a part that has it."""
    frame = getattr(task.get_coro(), "cr_frame", None)
    part = None if frame is None else frame.f_locals.get("self")
    if not type(part).__module__.startswith("aiokafka."):
        return False
    return wire in (getattr(part, "_client", None), getattr(part, "client", None))
