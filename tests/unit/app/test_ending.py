"""How a process ends: whatever it is in the middle of, it is gone within the time that it has."""

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest

from nova.app import rooms
from nova.app.ending import Drain, Ending
from nova.app.engines.embedded import Engines
from nova.app.house import House
from nova.app.ports import free_range
from nova.app.processes import all_ports
from nova.platform.platform import Platform
from nova.platform.room import Room
from nova.platform.rpc.binding import ServiceBinding
from nova.platform.tasks import to_its_end
from tests.proto.echo_pb2 import WaitRequest, WaitResponse
from tests.proto.echo_pb2_grpc import EchoServiceStub, add_EchoServiceServicer_to_server
from tests.unit.app.commands import COMMAND, Commands
from tests.unit.app.own_house import configured, prepared
from tests.unit.platform.rpc.echo_house import Echo

LONG_S = 600.0


async def test_a_signal_breaks_off_what_starts_and_ends_a_wait() -> None:
    reached: list[str] = []
    with Ending():
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()
        reached.append("behind what was broken off")
    with Ending() as ending:
        waiting = asyncio.ensure_future(ending.wait())
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGINT)
        await waiting
        reached.append("behind the wait")
    assert reached == ["behind the wait"]


async def test_who_is_cancelled_by_another_is_not_taken_for_ended() -> None:
    async def starts() -> None:
        with Ending():
            await asyncio.Event().wait()

    starting = asyncio.create_task(starts())
    await asyncio.sleep(0)
    starting.cancel()
    await asyncio.wait([starting])
    assert starting.cancelled()


async def test_what_holds_an_end_up_is_cut_off_and_the_rest_still_ends() -> None:
    ended: list[str] = []

    async def end(name: str) -> None:
        ended.append(name)

    async def hang(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    stack, drain = AsyncExitStack(), Drain(0.05)
    for stop, name in ((end, "pool"), (hang, "log"), (hang, "batch"), (end, "port")):
        stack.push_async_callback(stop, name)
    drain.begin()
    async with asyncio.timeout(20):
        await drain.close(stack)
    assert ended == ["port", "batch", "log", "pool"]


async def test_what_fails_at_an_end_is_raised() -> None:
    async def fail() -> None:
        raise OSError("no")

    stack, drain = AsyncExitStack(), Drain(20)
    stack.push_async_callback(fail)
    drain.begin()
    with pytest.raises(OSError, match="no"):
        await drain.close(stack)


class NeverDone:
    """A consumer in the middle of a batch that does not end."""

    def __init__(self) -> None:
        self.cut = asyncio.Event()

    async def run(self) -> None:
        """Work on, for longer than any process has."""
        await to_its_end(self._batch(), within_s=LONG_S)

    async def _batch(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.cut.set()


async def test_neither_a_call_nor_a_batch_that_never_ends_holds_an_end_up(
    engines: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configured(engines, tmp_path, NOVA_GRPC_PORT_BASE=str(free_range(all_ports())), NOVA_DRAIN_S="2")
    echo, consumer, build = Echo(), NeverDone(), rooms.build  # type: ignore[abstract] # `Nothing` is left out on purpose
    binding = ServiceBinding(
        add_to_server=add_EchoServiceServicer_to_server, servicer=echo, system_methods=frozenset({"Wait"})
    )

    room = Room(name="ranking", bindings=[binding], consumers=[consumer])

    def built(name: str, platform: Platform) -> Room:
        return room if name == "ranking" else build(name, platform)

    monkeypatch.setattr(rooms, "build", built)
    async with prepared(config) as sources:
        house = House(config, sources, rooms=["identity", "ranking"], listen=True)
        address = config.server.grpc_listens_at("ranking")
        async with asyncio.timeout(60), grpc.aio.insecure_channel(address) as channel:
            async with house:
                wait: grpc.aio.UnaryUnaryMultiCallable[WaitRequest, WaitResponse] = EchoServiceStub(
                    channel
                ).Wait
                calling = asyncio.ensure_future(wait(WaitRequest()))
                await echo.waiting.wait()
            with pytest.raises(grpc.aio.AioRpcError):
                await calling
    assert echo.cancelled.is_set()
    assert consumer.cut.is_set()


async def said(stream: asyncio.StreamReader, words: str) -> Sequence[str]:
    """Return the lines up to the one with these words."""
    lines: list[str] = []
    async for line in stream:
        lines.append(line.decode())
        if words in lines[-1]:
            break
    return lines


async def test_c2_a_room_that_waits_for_its_neighbours_ends_when_it_is_told_to(nova: Commands) -> None:
    sources = nova.instance.sources
    engines = {"NOVA_POSTGRES_URL": sources.log_dsn, "NOVA_REDIS_URL": sources.redis_url}
    alone = {"NOVA_GRPC_PORT_BASE": str(free_range(all_ports()))}
    room = await asyncio.create_subprocess_exec(
        *COMMAND, "serve", "content",
        env={**nova.environment, **engines, **alone},
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert room.stderr is not None
    async with asyncio.timeout(60):
        lines = await said(room.stderr, "room_waits")
        assert "room_waits" in lines[-1], lines
        room.send_signal(signal.SIGTERM)
        rest = await room.stderr.read()
        assert await room.wait() == 0, rest.decode()
