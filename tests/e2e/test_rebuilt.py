"""`nova rebuild` at a Nova that runs, in both shapes: what differs from the ledger is found, whoever holds it."""

import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString

import httpx
import pytest

from nova.app.at_rest import IN_MEMORY
from nova.app.ports import free_range
from nova.app.prepare import log_of
from nova.app.processes import all_ports
from nova.platform.clock import SystemClock
from nova.platform.engine_knobs import Neo4jUrl
from nova.platform.events import Event
from nova.platform.ids import uuid7
from nova.platform.log.port import Record
from nova.platform.neo4j import Neo4j
from nova.services.graph import events
from nova.services.graph.model import Follow, UserId
from tests.chaos.upped import family
from tests.own_engine import OwnEngine
from tests.real import on_neo4j
from tests.unit.app.commands import Commands
from tests.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]

IN_PROCESSES = {"counters", *IN_MEMORY}
shapes = pytest.mark.parametrize("options", [(), ("--processes",)], ids=["one process", "processes"])


@asynccontextmanager
async def upped(tmp_path: Path, *options: str, **settings: str) -> AsyncIterator[Commands]:
    """Yield commands on the folder of a Nova without a world that runs in a shape."""
    nova = Commands(tmp_path / "data", {"NOVA_GRPC_PORT_BASE": str(free_range(all_ports())), **settings})
    async with nova.up("--world", "none", *options):
        yield nova


async def verified(nova: Commands, name: str, *how: str, **settings: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the lines of `nova rebuild NAME`, by projection."""
    shown = await nova("rebuild", name, *(how or ("--verify",)), "--json", **settings)
    found = {line["name"]: line for line in shown.lines}
    assert shown.code == (0 if all(line["equal"] for line in found.values()) else 1), shown.err
    return found


async def tell(nova: Commands, event: Event) -> None:
    """Put an event into the log that no room has emitted: memory takes it, and the ledger does not know of it."""
    record = Record(
        id=event.id, topic=event.topic, key=event.key, payload=event.payload, emitted_at=event.emitted_at,
        source="graph", headers={},
    )  # fmt: skip
    async with log_of(nova.instance.sources) as log:
        await log.append([record])


@shapes
async def test_what_memory_holds_is_compared_in_the_process_that_has_it(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    async with upped(tmp_path, *options) as nova:
        await nova.sign_up("rebuilt")
        pid = nova.instance.pid
        found = await verified(nova, "all")
        assert {name for name, line in found.items() if not line["equal"]} == set()
        assert set(found) == {"profiles", "restrictions", *IN_PROCESSES}
        pids = {found[name]["pid"] for name in IN_PROCESSES}
        if options:
            assert len(pids) == len(IN_PROCESSES)
            assert pids <= set(family(pid))
        else:
            assert pids == {pid}
        never_made = Follow(
            follower_id=UserId(uuid7()), followee_id=UserId(uuid7()), since=datetime.now(UTC), version=1
        )
        await tell(nova, events.follow_created(never_made))

        async def is_seen() -> bool:
            return not (await verified(nova, "graph"))["graph"]["equal"]

        await until(is_seen, within_s=60)
        await tell(nova, events.follow_deleted(never_made, datetime.now(UTC)))

        async def is_equal() -> bool:
            return not await is_seen()

        await until(is_equal, within_s=60)


async def test_a_room_that_was_replaced_is_asked_and_so_is_one_at_its_socket(tmp_path: Path) -> None:
    async with upped(tmp_path, "--processes") as nova:
        before = (await verified(nova, "graph"))["graph"]["pid"]
        os.kill(nova.instance.pid, signal.SIGHUP)

        async def is_another() -> bool:
            return bool((await verified(nova, "graph"))["graph"]["pid"] != before)

        await until(is_another, within_s=120)
        ranking = nova.instance.control.with_name("ranking.sock")
        assert set(await verified(nova, "all", NOVA_CONTROL=str(ranking))) == {"ranking"}


CHANGES: tuple[LiteralString, ...] = (
    "MATCH ()-[follow:FOLLOWS]->() DELETE follow",
    "MATCH (one:User)-[:FOLLOWS]->(other:User) CREATE (other)-[:FOLLOWS {since_ms: 1, version: 1}]->(one)",
)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[OwnEngine]:
    """A Neo4j of its own: the platform of the other tests goes on taking the one that they share for its own."""
    engine = OwnEngine("neo4j", tmp_path, port=87)
    await engine.start()
    yield engine
    engine.kill()


@on_neo4j
@shapes
async def test_what_was_changed_in_neo4j_is_found_and_put_right_also_at_rest(
    tmp_path: Path, server: OwnEngine, options: tuple[str, ...]
) -> None:
    url = f"bolt://{server.address}"
    async with aclosing(Neo4j(Neo4jUrl(url), clock=SystemClock(), ask_s=60.0, run_s=60.0)) as neo4j:
        async with upped(tmp_path, *options, NOVA_NEO4J_URL=url) as nova:
            await follow(nova, "ada_in_neo4j", "bob_in_neo4j")

            async def holds_all() -> bool:
                return (await nova("rebuild", "graph", "--verify")).code == 0

            await until(holds_all, within_s=120)
            await is_found_and_put_right(nova, neo4j, beside={"graph": True})
        await is_found_and_put_right(nova, neo4j, beside={})


async def is_found_and_put_right(nova: Commands, neo4j: Neo4j, *, beside: Mapping[str, bool]) -> None:
    """Change Neo4j behind everybody's back, have it found, and filled again."""
    name = "graph" if beside else "graph.neo4j"
    for change in CHANGES:
        await neo4j.run(change, {})
        for how, is_right in (("--verify", False), ("--again", True)):
            found = await verified(nova, name, how)
            assert {name: line["equal"] for name, line in found.items()} == {
                **beside,
                "graph.neo4j": is_right,
            }


async def follow(nova: Commands, one: str, other: str) -> None:
    """Sign two people up, and have one follow the other."""
    headers = {"Authorization": f"Bearer {await nova.sign_up(one)}"}
    await nova.sign_up(other)
    async with httpx.AsyncClient(headers=headers) as client:

        async def done() -> bool:
            found = await client.post(
                nova.instance.graphql, json={"query": f'{{ user(handle: "{other}") {{ id }} }}'}
            )
            user = found.json()["data"]["user"]
            if user is None:
                return False
            ask = f'mutation {{ followUser(input: {{ userId: "{user["id"]}" }}) {{ state }} }}'
            return "errors" not in (await client.post(nova.instance.graphql, json={"query": ask})).json()

        await until(done)
