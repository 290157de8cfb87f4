"""A process that relays and consumes, made to be killed: at a chosen step, or from outside at any moment.

A step is the moment before or after one round trip to PostgreSQL, or one to Kafka that changes something there, counted
over all connections of the process: between two of them nothing of the relay or the consumer is left that a crash could
cut differently.
"""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Literal

from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    EndTxnRequest,
    InitProducerIdRequest,
    TxnOffsetCommitRequest,
)
from asyncpg.connection import Connection

from nova.platform.backoff import Backoff
from nova.platform.consumer import Consumer
from nova.platform.db.bell import Bell
from nova.platform.db.database import Database, DatabaseConfig
from nova.platform.log.kafka import KafkaLog
from nova.platform.log.kafka_cluster import Cluster
from nova.platform.log.port import EventLog
from nova.platform.log.postgres import PostgresLog
from nova.platform.relay import Relay
from tests.chaos.event_model import GROUP, THINGS, all_handled, write_effects
from tests.scratch import EffectTx

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__])
_METHODS = ("execute", "executemany", "fetch", "fetchrow", "fetchval")
_CHANGES = (
    OffsetCommitRequest,
    ProduceRequest,
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    EndTxnRequest,
    InitProducerIdRequest,
    TxnOffsetCommitRequest,
)
_counted: ContextVar[bool] = ContextVar("counted", default=True)


@dataclass(frozen=True, slots=True)
class Orders:
    """What a worker has to do, with the log in PostgreSQL of a DSN, or in a corner of Kafka.

    `kill_at` is the step before which it kills itself; 0 for never. One that `stops` does so (SIGSTOP) once: when it
    has first committed effects, of which the log has not heard yet.
    """

    work: Literal["relay", "consume", "both"]
    room: str
    room_dsn: str
    log: str | Cluster
    kill_at: int = 0
    stops: bool = False


def start(orders: Orders) -> ForkServerProcess:
    """Start a worker. It ends when it has nothing more to do, unless its work is `both`."""
    process = _FORKS.Process(target=_main, args=(orders,), daemon=True)
    process.start()
    return process


def is_stopped(process: ForkServerProcess) -> bool:
    """Return whether a worker has stopped (SIGSTOP)."""
    told = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii", errors="replace")
    return told.rpartition(")")[2].split()[0] == "T"


def go_on(process: ForkServerProcess) -> None:
    """Have a worker that has stopped go on."""
    assert process.pid is not None
    os.kill(process.pid, signal.SIGCONT)


async def ended(process: ForkServerProcess) -> int:
    """Wait for a worker to end; return its exit code, -9 for a kill."""
    async with asyncio.timeout(60):
        await asyncio.to_thread(process.join)
    code = process.exitcode
    process.close()
    assert code is not None
    return code


def _main(orders: Orders) -> None:
    if orders.kill_at:
        _kill_at(orders.kill_at)
    if orders.stops:
        _stop_at_commit()
    asyncio.run(_work(orders))


def _kill_at(step: int) -> None:
    steps = 0

    def count() -> None:
        nonlocal steps
        if _counted.get():
            steps += 1
            if steps == step:
                os.kill(os.getpid(), signal.SIGKILL)

    def counting(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def counted(*args: Any, **kwargs: Any) -> Any:
            count()
            result = await method(*args, **kwargs)
            count()
            return result

        return counted

    for name in _METHODS:
        setattr(Connection, name, counting(getattr(Connection, name)))
    send = AIOKafkaClient.send
    changing = counting(send)

    async def sent(client: AIOKafkaClient, node: int, request: object, **how: Any) -> object:
        return await (changing if isinstance(request, _CHANGES) else send)(client, node, request, **how)

    AIOKafkaClient.send = sent


def _stop_at_commit() -> None:
    connections: Any = Connection
    execute = connections.execute

    async def executed(connection: object, sql: str, *args: Any, **how: Any) -> str:
        done: str = await execute(connection, sql, *args, **how)
        if sql.startswith("COMMIT"):
            connections.execute = execute
            os.kill(os.getpid(), signal.SIGSTOP)
        return done

    connections.execute = executed


def log_of(where: str | Cluster, *, bell: Bell, name: str = "log") -> EventLog:
    """Return the log that orders name, to be entered."""
    if isinstance(where, Cluster):
        return KafkaLog(where)
    return PostgresLog(dsn=where, bell=bell, name=name, poll_s=0.02)


async def _work(orders: Orders) -> None:
    bell = Bell()
    soon = Backoff(first_s=0.01, longest_s=0.05)
    database = Database(DatabaseConfig(room=orders.room, dsn=orders.room_dsn), bell)
    log = log_of(orders.log, bell=bell, name=f"log-{orders.room}")
    relay = Relay(database=database, log=log, topics=[THINGS], batch=4, poll_s=0.02, outages=soon)
    consumer = Consumer(
        group=GROUP,
        database=database,
        tx_type=EffectTx,
        log=log,
        handlers={THINGS: write_effects},
        batch=5,
        outages=soon,
    )
    async with database, log:
        if orders.work == "relay":
            while await relay.publish():
                pass
        elif orders.work == "consume":
            consuming = asyncio.create_task(consumer.run())
            await _caught_up(log)
            consuming.cancel()
            await asyncio.gather(consuming, return_exceptions=True)
        else:
            await asyncio.gather(relay.run(), consumer.run())


async def _caught_up(log: EventLog) -> None:
    _counted.set(False)
    while not await all_handled(log):  # noqa: ASYNC110 - it is in the log
        await asyncio.sleep(0.005)
