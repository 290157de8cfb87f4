"""A process that relays and consumes, made to be killed: at a chosen step, or from outside at any moment.

A step is the moment before or after one round trip to PostgreSQL, counted over all connections of the process: between
two of them nothing of the relay or the consumer is left that a crash could cut differently.
"""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from typing import Any, Literal

import asyncpg
from asyncpg.connection import Connection

from nova.platform.backoff import Backoff
from nova.platform.consumer import Consumer
from nova.platform.db.bell import Bell
from nova.platform.db.database import Database, DatabaseConfig
from nova.platform.log.postgres import PostgresLog
from nova.platform.relay import Relay
from tests.chaos.event_model import GROUP, THINGS, write_effects
from tests.scratch import EffectTx

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__])
_METHODS = ("execute", "executemany", "fetch", "fetchrow", "fetchval")
_counted: ContextVar[bool] = ContextVar("counted", default=True)


@dataclass(frozen=True, slots=True)
class Orders:
    """What a worker has to do. `kill_at` is the step before which it kills itself; 0 for never."""

    work: Literal["relay", "consume", "both"]
    room: str
    room_dsn: str
    log_dsn: str
    kill_at: int = 0


def start(orders: Orders) -> ForkServerProcess:
    """Start a worker. It ends when it has nothing more to do, unless its work is `both`."""
    process = _FORKS.Process(target=_main, args=(orders,), daemon=True)
    process.start()
    return process


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


async def _work(orders: Orders) -> None:
    bell = Bell()
    soon = Backoff(first_s=0.01, longest_s=0.05)
    database = Database(DatabaseConfig(room=orders.room, dsn=orders.room_dsn), bell)
    log = PostgresLog(dsn=orders.log_dsn, bell=bell, name=f"log-{orders.room}", poll_s=0.02)
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
            await _caught_up(orders.log_dsn)
            consuming.cancel()
            await asyncio.gather(consuming, return_exceptions=True)
        else:
            await asyncio.gather(relay.run(), consumer.run())


async def _caught_up(log_dsn: str) -> None:
    _counted.set(False)
    connection = await asyncpg.connect(log_dsn)
    behind = (
        "SELECT count(*) FROM partitions LEFT JOIN group_offsets ON partition_id = id AND group_name = $1"
        " WHERE next_offset > coalesce(committed, 0)"
    )
    while await connection.fetchval(behind, GROUP):  # noqa: ASYNC110 - it is in the database
        await asyncio.sleep(0.005)
    await connection.close()
