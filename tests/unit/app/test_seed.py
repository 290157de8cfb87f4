"""Seeding: the whole world once, however often and wherever it was cut off."""

import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from unittest.mock import AsyncMock

import asyncpg
import pytest

from nova.app import rooms
from nova.app.engines.embedded import Engines
from nova.app.prepare import log_of, prepare
from nova.app.progress import Silence
from nova.app.seed import Seeder, emptied, plan_of
from nova.app.sources import Kafka, of_engines
from nova.platform.config import Config, Server, World
from nova.platform.errors import Unavailable
from nova.platform.relay import Relay
from tests.real import ENGINES, corner, on_real_engines

COUNTS = """
SELECT (SELECT count(*) FROM identity.accounts) AS people, (SELECT count(*) FROM content.posts) AS posts,
       (SELECT count(*) FROM graph.follows) AS follows, (SELECT count(*) FROM social.likes) AS likes,
       (SELECT count(*) FROM social.comments) AS comments, (SELECT sum(likes) FROM social.post_counters) AS counted,
       (SELECT count(*) FROM log.records) AS events, (SELECT count(*) FROM content.outbox) AS waiting
"""

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def fresh(tmp_path: Path) -> AsyncIterator[Engines]:
    """Engines with the schemas of every room, and nobody in them."""
    async with Engines(tmp_path / "data", rooms=rooms.ROOMS) as engines:
        await prepare(of_engines(engines), rooms.ROOMS)
        yield engines


async def counts(engines: Engines) -> dict[str, int]:
    connection = await asyncpg.connect(engines.postgres_dsn())
    try:
        row = await connection.fetchrow(COUNTS)
        assert row is not None
        return dict(row)
    finally:
        await connection.close()


async def test_a_world_is_planted_once_and_its_events_are_told_once(fresh: Engines, tmp_path: Path) -> None:
    config = Config(server=dataclasses.replace(Server(), data=tmp_path / "data"))
    seeder = Seeder(config, of_engines(fresh), Silence())
    await seeder.seed(World.SMALL)
    planted = await counts(fresh)
    assert (planted["people"], planted["posts"], planted["waiting"]) == (300, 5000, 0)
    assert planted["counted"] == planted["likes"] > 10_000
    assert planted["events"] > planted["posts"] + planted["likes"] + planted["comments"] + planted["follows"]

    await seeder.seed(World.SMALL)
    assert await counts(fresh) == planted

    # As a kill before the last step leaves it: the plan is there, and it is not done.
    file = tmp_path / "data" / "world.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "done": False}))
    await seeder.seed(World.SMALL)
    assert await counts(fresh) == planted
    plan = plan_of(tmp_path / "data")
    assert plan is not None
    assert plan.done


@on_real_engines
async def test_a_world_is_told_to_kafka_with_its_schemas(fresh: Engines, tmp_path: Path) -> None:
    config = Config(server=dataclasses.replace(Server(), data=tmp_path / "data"))
    async with corner() as cluster:
        kafka = Kafka(
            bootstrap=cluster.bootstrap,
            prefix=cluster.prefix,
            registry_url=ENGINES["NOVA_SCHEMA_REGISTRY_URL"],
        )
        sources = dataclasses.replace(of_engines(fresh), kafka=kafka)
        await Seeder(config, sources, Silence()).seed(World.SMALL)
        async with log_of(sources) as log:
            told = await log.newest("content.post.created", limit=10_000)
    planted = await counts(fresh)
    assert len({record.id for record in told}) == planted["posts"] == 5000
    assert (planted["waiting"], planted["events"]) == (0, 0)


async def test_no_world_is_planted_where_none_is_wanted(fresh: Engines, tmp_path: Path) -> None:
    config = Config(server=dataclasses.replace(Server(), data=tmp_path / "data"))
    await Seeder(config, of_engines(fresh), Silence()).seed(World.NONE)
    assert (await counts(fresh))["people"] == 0
    assert plan_of(tmp_path / "data") is None


async def test_a_log_that_has_just_started_is_waited_for() -> None:
    """Kafka listens before its coordinators are there."""
    relay = AsyncMock(spec=Relay)
    relay.publish.side_effect = [Unavailable("No coordinator."), Unavailable("No coordinator."), 7, 0]
    await emptied(relay)
    assert relay.publish.await_count == 4
    relay.publish.side_effect = Unavailable("No coordinator.")
    with pytest.raises(Unavailable):
        await emptied(relay, within_s=0.0)
