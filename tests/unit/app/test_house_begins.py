"""A house begins while an engine is away that it can do without, serves, and takes it up when it comes."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nova.api.content.v1 import content_pb2 as content
from nova.api.content.v1.content_pb2_grpc import ContentServiceStub
from nova.api.identity.v1 import identity_pb2 as identity
from nova.api.identity.v1.identity_pb2_grpc import IdentityServiceStub
from nova.app import rooms
from nova.app.engines.embedded import Engines
from nova.app.house import House
from nova.app.sources import Kafka
from nova.platform.auth.actor import Actor
from nova.platform.ids import uuid7
from nova.platform.rpc.context import CallContext, entered
from tests.own_valkey import OwnValkey
from tests.unit.app.own_house import configured, prepared
from tests.waiting import until
from tests.way import State, Way


@pytest.fixture
async def valkey() -> AsyncIterator[OwnValkey]:
    """A server that has not been started."""
    with tempfile.TemporaryDirectory(prefix="nv-") as folder:
        server = OwnValkey(Path(folder))
        yield server
        server.kill()


@asynccontextmanager
async def begun(engines: Engines, folder: Path, **changed: Any) -> AsyncIterator[House]:
    """Yield a house of all rooms and relays, with these sources in the place of what is there."""
    config = configured(engines, folder)
    async with prepared(config) as sources:
        changed = {name: change(sources) if callable(change) else change for name, change in changed.items()}
        async with House(config, replace(sources, **changed), rooms=rooms.ROOMS, relays=rooms.ROOMS) as house:
            yield house


async def writes_and_reads(house: House) -> None:
    """Sign somebody up, have them post, and read that."""
    handle = f"u{uuid7().hex[-12:]}"
    request = identity.SignUpRequest(
        handle=handle, email=f"{handle}@example.org", password="a good password", display_name="Somebody"
    )
    tokens = (await IdentityServiceStub(house.channel("identity")).SignUp(request)).tokens
    actor = Actor(
        user_id=uuid7(), session_id=uuid7(), roles=frozenset(), permissions=frozenset(), token=tokens.access_token
    )  # fmt: skip
    posts = ContentServiceStub(house.channel("content"))
    post = content.CreatePostRequest(
        caption="hello", content_type=content.CONTENT_TYPE_TEXT, audience=content.AUDIENCE_EVERYONE
    )
    with entered(CallContext(actor=actor)):
        made = (await posts.CreatePost(post)).post.post_id
        found = await posts.GetPosts(content.GetPostsRequest(post_ids=[made]))
    assert [one.caption for one in found.posts] == ["hello"]
    assert (await house.health.ready()).ok


async def told(house: House) -> bool:
    """Whether the log has all that content has told."""
    return bool(await house.database("content").primary.fetchval("SELECT count(*) FROM outbox") == 0)


async def test_it_begins_without_redis(engines: Engines, tmp_path: Path, valkey: OwnValkey) -> None:
    async with begun(engines, tmp_path, redis_url=valkey.url) as house:
        await writes_and_reads(house)
        redis = house.platform.redis
        assert not redis.connected
        await valkey.start()
        await until(lambda: redis.connected)
        # Caches believe what Redis holds again, and are heard; so are revocations.
        await until(lambda: heard(house))
        await writes_and_reads(house)


async def heard(house: House) -> bool:
    """Whether this process listens to what others forget and revoke."""
    channels = await house.platform.redis.execute("PUBSUB", "CHANNELS")
    return len(channels) == 2 and await house.platform.redis.execute("EXISTS", "cache:run") == 1


async def test_it_begins_without_the_log(engines: Engines, tmp_path: Path) -> None:
    async with Way(engines.postgres_dsn()).opened() as way:
        way.become(State.CLOSED)
        async with begun(engines, tmp_path, log_dsn=lambda sources: way.to(sources.log_dsn)) as house:
            await writes_and_reads(house)
            assert not await told(house)
            way.become(State.OPEN)
            await until(lambda: told(house))


async def test_it_begins_while_nobody_listens_at_kafkas_port(engines: Engines, tmp_path: Path) -> None:
    async with begun(engines, tmp_path, kafka=Kafka(bootstrap="127.0.0.1:9")) as house:
        await writes_and_reads(house)
        assert not await told(house)
