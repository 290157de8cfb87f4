"""`nova up` killed (SIGKILL) under a load of mutations: no acknowledged write lost, no effect doubled.

Each kill comes after some more acknowledged acts, or when a start has got so far: both drawn from a seed.
`NOVA_CHAOS_PLATFORM_KILLS` sets how many kills there are (default 6; the promise is 200).
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from nova.app.bench.client import Clients
from nova.app.bench.proof import drained, proof
from nova.app.bench.town import ARRIVED, account, newcomer
from nova.app.bench.writers import Mutation, Told, Writer, answered, tried
from nova.app.instance import running
from nova.app.ports import free_port
from tests.chaos.upped import Upped
from tests.waiting import until

KILLS = int(os.environ.get("NOVA_CHAOS_PLATFORM_KILLS", "6"))
WRITERS = 4

pytestmark = [pytest.mark.long, pytest.mark.timeout(120 + 20 * KILLS)]


@pytest.fixture
async def upped(tmp_path: Path) -> AsyncIterator[Upped]:
    up = Upped(tmp_path / "data", free_port())
    yield up
    up.stop_now()


@pytest.fixture
async def asks(upped: Upped) -> AsyncIterator[Clients]:
    clients = Clients(f"{upped.url}/graphql", most=2 * WRITERS)
    yield clients
    await clients.aclose()


async def test_c2_an_acknowledged_write_outlives_every_kill(upped: Upped, asks: Clients) -> None:
    moments = random.Random(11)
    await upped.begin()
    await upped.ready()
    people = {name: await newcomer(asks, name) for name in (f"writer_{number}" for number in range(WRITERS))}
    writers = [
        Writer(asks, name, person, random.Random(name), [one.id for one in people.values() if one != person])
        for name, person in people.items()
    ]
    targets = [await writer.publish() for writer in writers]
    arrivals: list[str] = []
    writing = asyncio.Event()
    writing.set()
    async with asyncio.TaskGroup() as load:
        for writer in writers:
            load.create_task(_write(writer, targets, writing))
        load.create_task(_arrive(asks, arrivals, writing))
        for kill in range(KILLS):
            await _something_more(writers, moments.randint(1, 25))
            await upped.kill(engines=kill % 3 == 2)
            await upped.begin()
            if kill % 4 == 1:  # once more while it starts, at any step
                await upped.under_way(moments.randint(0, 20))
                await upped.kill()
                await upped.begin()
            await upped.ready()
        await _something_more(writers, 10)
        writing.clear()
    assert [writer.told.wrong for writer in writers] == [[]] * WRITERS
    assert sum(writer.told.repeats for writer in writers) > 0, "no kill met a write: the load is too low"
    for writer in writers:
        await _check_repeats(asks, writer)
    for handle in arrivals:
        assert await _is_known(asks, handle, writers[0]), "an account without its profile: its event was lost"
    await until(lambda: drained(running(upped.data).sources), within_s=30)
    found = await proof(asks, writers, targets)
    assert (found.lost, found.doubled) == ([], [])
    assert await upped.interrupt() == 0


async def _write(writer: Writer, targets: Sequence[str], writing: asyncio.Event) -> None:
    while writing.is_set():
        await writer.act(targets)


async def _arrive(asks: Clients, arrivals: list[str], writing: asyncio.Event) -> None:
    while writing.is_set():
        handle = f"arrival_{len(arrivals)}"
        await _signed_up(asks, handle)
        arrivals.append(handle)


async def _signed_up(asks: Clients, handle: str) -> None:
    """Sign somebody up under a key, until it is answered."""
    given, told = {**account(handle), "idempotencyKey": f"{handle}-arrives"}, Told()
    await answered(asks, Mutation("signUp", ARRIVED, given), told=told)
    assert told.wrong == []


async def _something_more(writers: list[Writer], count: int) -> None:
    """Wait until some more acts are acknowledged: a kill then comes amid others."""
    wanted = sum(len(writer.acts) for writer in writers) + count
    await until(lambda: sum(len(writer.acts) for writer in writers) >= wanted, within_s=60)


async def _is_known(asks: Clients, handle: str, by: Writer) -> bool:
    document = "query($h: String!) { user(handle: $h) { handle } }"
    found = await asks.ask(document, {"h": handle}, token=by.person.token)
    return bool(found["user"] == {"handle": handle})


async def _check_repeats(asks: Clients, writer: Writer) -> None:
    """A repeat long after gets the first answer; another body under its key gets none."""
    for act in writer.acts[:: max(1, len(writer.acts) // 8)]:
        fields = {"createPost": "post { id }", "addComment": "comment { id }"}.get(act.verb)
        if fields is None:
            continue
        token = writer.person.token
        repeat = Mutation(act.verb, fields, act.arguments)
        assert await tried(asks, repeat, token=token, told=Told()) == act.payload
        changed = {
            name: f"{value}!" if name in {"caption", "text"} else value
            for name, value in act.arguments.items()
        }
        told = Told()
        assert await tried(asks, Mutation(act.verb, fields, changed), token=token, told=told) is None
        (conflict,) = told.wrong
        assert "IDEMPOTENCY_CONFLICT" in conflict
