"""Ways to break one part: each is a block, in which the part is broken, and after which it is not.

Each sees for itself that what it meant to break is broken, and raises `Unavailable` where it is not: a row in which
nothing happened would be met by anything.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from typing import Final

from nova.app.bench import machine
from nova.app.bench.chaos_stage import Stage
from nova.app.engines.addresses import connect
from nova.platform.errors import Unavailable

Fault = Callable[[Stage], AbstractAsyncContextManager[None]]

SLOW_S: Final = 0.1
"""What a slow link adds to whatever passes it, in either direction."""

_LOOK_EVERY_S: Final = 0.05


@asynccontextmanager
async def spared(_stage: Stage) -> AsyncIterator[None]:
    """Break nothing: what is missed even so is the machine's doing."""
    yield


def killed(part: str) -> Fault:
    """Kill a part (SIGKILL), and again whenever it has come to serve; its keeper starts it every time."""

    @asynccontextmanager
    async def fault(stage: Stage) -> AsyncIterator[None]:
        supervisor, gone = stage.supervisor, set[int]()

        async def kill() -> None:
            pid = supervisor.pids[part]
            if pid not in gone and (not gone or await supervisor.serves(part)):
                gone.add(pid)
                os.kill(pid, signal.SIGKILL)

        async with _again_and_again(kill):
            yield

    return fault


def hung(part: str) -> Fault:
    """Stop a part (SIGSTOP): it takes what it is sent, and does not answer."""

    @asynccontextmanager
    async def fault(stage: Stage) -> AsyncIterator[None]:
        with stopped(stage.supervisor.pids[part]):
            yield

    return fault


def engine_killed(name: str) -> Fault:
    """Kill an embedded engine with all that came of it (SIGKILL), and again whenever it has come to serve."""

    @asynccontextmanager
    async def fault(stage: Stage) -> AsyncIterator[None]:
        engine = stage.engines[name]

        async def kill() -> None:
            if engine.serving:
                _kill_all_of(engine.pid)

        if not engine.serving:
            raise Unavailable(f"{name} does not run, so it cannot be killed.")
        async with _again_and_again(kill):
            yield

    return fault


def engine_hung(name: str) -> Fault:
    """Stop an embedded engine with all that came of it (SIGSTOP)."""

    @asynccontextmanager
    async def fault(stage: Stage) -> AsyncIterator[None]:
        with stopped(stage.engines[name].pid):
            yield

    return fault


def real_killed(name: str) -> Fault:
    """Kill a real engine (SIGKILL), and start it again at the end of the block, which ends once it answers."""

    @asynccontextmanager
    async def fault(stage: Stage) -> AsyncIterator[None]:
        engine = stage.real[name]
        _kill_all_of(engine.pid)
        try:
            yield
        finally:
            await engine.start()

    return fault


def real_hung(name: str) -> Fault:
    """Stop a real engine with all that came of it (SIGSTOP)."""

    @asynccontextmanager
    async def fault(stage: Stage) -> AsyncIterator[None]:
        with stopped(stage.real[name].pid):
            yield

    return fault


@asynccontextmanager
async def replica_behind(stage: Stage) -> AsyncIterator[None]:
    """Have the replica take what the primary writes, and not apply it: whoever reads there reads what was."""
    replica = await connect(stage.replica_url)
    try:
        await replica.execute("SELECT pg_wal_replay_pause()")
        if await replica.fetchval("SELECT pg_get_wal_replay_pause_state()") == "not paused":
            raise Unavailable("The replica goes on applying what the primary writes.")
        yield
    finally:
        await replica.execute("SELECT pg_wal_replay_resume()")
        await replica.close()


def both(first: Fault, second: Fault) -> Fault:
    """Break two parts: the second once the first is broken, and it is whole again before that."""

    @asynccontextmanager
    async def fault(stage: Stage) -> AsyncIterator[None]:
        async with first(stage), second(stage):
            yield

    return fault


def killed_once(part: str) -> Fault:
    """Kill a part (SIGKILL), and let its keeper start it, while something else is broken that it may need."""

    @asynccontextmanager
    async def fault(stage: Stage) -> AsyncIterator[None]:
        os.kill(stage.supervisor.pids[part], signal.SIGKILL)
        yield

    return fault


def slow(name: str) -> Fault:
    """Hold back whatever passes the link to an engine."""
    return lambda stage: stage.links[name].slow(SLOW_S)


def resetting(name: str) -> Fault:
    """Cut all connections to an engine again and again."""
    return lambda stage: stage.links[name].resetting()


@asynccontextmanager
async def _again_and_again(kill: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    async def killing() -> None:
        while True:
            # Its keeper may not have seen yet that it is gone.
            with suppress(ProcessLookupError):
                await kill()
            await asyncio.sleep(_LOOK_EVERY_S)

    await kill()
    task = asyncio.create_task(killing())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Let a process and all that came of it hang in the block (SIGSTOP): they keep their connections, and say nothing.

    Raises `ProcessLookupError` where the process is gone.
    """
    # First the process itself, so that nothing more comes of it.
    os.kill(pid, signal.SIGSTOP)
    pids = machine.tree(pid)
    _send(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        _send(pids, signal.SIGCONT)


def _kill_all_of(pid: int) -> None:
    pids = machine.tree(pid)
    os.kill(pid, signal.SIGKILL)
    _send(pids, signal.SIGKILL)


def _send(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
