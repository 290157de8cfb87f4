"""`nova up` killed (SIGKILL) under a load of mutations: no acknowledged write lost, no effect doubled.

Each kill comes after some more acknowledged acts, or when a start has got so far: both drawn from a seed.
`NOVA_CHAOS_PLATFORM_KILLS` sets how many kills there are (default 6; the promise is 200).
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from nova.app.instance import running
from nova.app.ports import free_port
from nova.app.rooms import ROOMS
from tests.chaos.upped import Upped
from tests.chaos.writers import Writer, attempted, signed_up
from tests.e2e.nova import Nova
from tests.e2e.shapes import ONE_PROCESS
from tests.waiting import until

KILLS = int(os.environ.get("NOVA_CHAOS_PLATFORM_KILLS", "6"))
WRITERS = 4

pytestmark = pytest.mark.timeout(120 + 20 * KILLS)


@pytest.fixture
async def upped(tmp_path: Path) -> AsyncIterator[Upped]:
    up = Upped(tmp_path / "data", free_port())
    yield up
    up.stop_now()


@pytest.fixture
async def nova(upped: Upped) -> AsyncIterator[Nova]:
    client = Nova(upped.url, ONE_PROCESS)
    yield client
    await client.aclose()


async def test_c2_an_acknowledged_write_outlives_every_kill(upped: Upped, nova: Nova) -> None:
    moments = random.Random(11)
    await upped.begin()
    await upped.ready()
    people = [await nova.newcomer("writer") for _ in range(WRITERS)]
    writers = [
        Writer(nova, person, random.Random(seed), [one for one in people if one is not person])
        for seed, person in enumerate(people)
    ]
    targets = [await nova.publish(person, "the first word") for person in people]
    arrivals: list[str] = []
    writing = asyncio.Event()
    writing.set()
    async with asyncio.TaskGroup() as load:
        for writer in writers:
            load.create_task(_write(writer, targets, writing))
        load.create_task(_arrive(nova, arrivals, writing))
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
    assert sum(writer.repeats for writer in writers) > 0, "no kill met a write: the load is too low"
    await _check(nova, upped, writers, targets, arrivals)
    assert await upped.interrupt() == 0


async def _write(writer: Writer, targets: list[str], writing: asyncio.Event) -> None:
    while writing.is_set():
        await writer.act(targets)


async def _arrive(nova: Nova, arrivals: list[str], writing: asyncio.Event) -> None:
    while writing.is_set():
        handle = f"arrival_{len(arrivals)}"
        await signed_up(nova, handle)
        arrivals.append(handle)


async def _something_more(writers: list[Writer], count: int) -> None:
    """Wait until some more acts are acknowledged: a kill then comes amid others."""
    wanted = sum(len(writer.answers) for writer in writers) + count
    await until(lambda: sum(len(writer.answers) for writer in writers) >= wanted, within_s=60)


async def _check(
    nova: Nova, upped: Upped, writers: list[Writer], targets: list[str], arrivals: list[str]
) -> None:
    """Compare all that can be seen with what was acknowledged."""
    for writer in writers:
        await _check_own(nova, writer)
        await _check_repeats(nova, writer)
    for target in targets:
        await _check_reactions(nova, writers, target)
    for handle in arrivals:
        found = await nova.ask(
            "query($h: String!) { user(handle: $h) { handle } }", {"h": handle}, by=writers[0].person
        )
        assert found.data["user"] == {"handle": handle}, "an account without its profile: its event was lost"
    await until(lambda: _drained(upped), within_s=30)
    for writer in writers:
        await _check_feed(nova, writer, writers, targets)


async def _check_own(nova: Nova, writer: Writer) -> None:
    document = (
        "query($first: Int, $after: String) { viewer { user { postCount posts(first: $first, after: $after) "
        "{ edges { node { id caption } } pageInfo { hasNextPage endCursor } } } } }"
    )
    posts = await nova.walk(document, ("viewer", "user", "posts"), writer.person, page=50)
    kept = {post["caption"]: post["id"] for post in posts if post["caption"] != "the first word"}
    assert len(posts) == len(kept) + 1, "a post is there twice"
    assert kept == writer.posts
    for other, follows in writer.follows.items():
        state = await nova.ask(
            "query($id: ID!) { node(id: $id) { ... on User { viewerFollows } } }",
            {"id": other},
            by=writer.person,
        )
        assert state.data["node"]["viewerFollows"] is follows


async def _check_repeats(nova: Nova, writer: Writer) -> None:
    """A repeat long after gets the first answer; another body under its key gets none."""
    for verb, arguments, first in writer.answers[:: max(1, len(writer.answers) // 8)]:
        fields = {"createPost": "post { id }", "addComment": "comment { id }"}.get(verb)
        if fields is None:
            continue
        again = await attempted(nova, writer.person, verb, fields, arguments)
        assert again == first
        changed = {
            name: f"{value}!" if name in {"caption", "text"} else value for name, value in arguments.items()
        }
        kind = f"{verb[0].upper()}{verb[1:]}Input"
        conflict = await nova.ask(
            f"mutation($input: {kind}!) {{ {verb}(input: $input) {{ {fields} }} }}",
            {"input": changed},
            by=writer.person,
        )
        assert conflict.code == "IDEMPOTENCY_CONFLICT"


async def _check_reactions(nova: Nova, writers: list[Writer], post: str) -> None:
    document = (
        "query($id: ID!, $first: Int, $after: String) { post(id: $id) { likeCount commentCount "
        "%s(first: $first, after: $after) { edges { node { id %s } } pageInfo { hasNextPage endCursor } } } }"
    )
    reader = writers[0].person
    comments = await nova.walk(
        document % ("comments", "text"), ("post", "comments"), reader, page=100, id=post
    )
    likers = await nova.walk(document % ("likers", "handle"), ("post", "likers"), reader, page=100, id=post)
    counts = (
        await nova.ask(
            "query($id: ID!) { post(id: $id) { likeCount commentCount } }", {"id": post}, by=reader
        )
    ).data["post"]
    assert counts == {"likeCount": len(likers), "commentCount": len(comments)}
    texts = [comment["text"] for comment in comments]
    assert len(texts) == len(set(texts)), "a comment is there twice"
    told = {
        arguments["text"]
        for writer in writers
        for verb, arguments, _ in writer.answers
        if verb == "addComment" and arguments["postId"] == post
    }
    assert set(texts) == told
    assert {liker["id"] for liker in likers} == {
        writer.person.id for writer in writers if writer.likes.get(post, False)
    }


async def _check_feed(nova: Nova, writer: Writer, writers: list[Writer], targets: list[str]) -> None:
    """What he follows is in his feed, each post once: no event was lost on the way there."""
    document = (
        "query($first: Int, $after: String) { homeFeed(mode: FOLLOWING, first: $first, after: $after) "
        "{ edges { node { id } } pageInfo { hasNextPage endCursor } } }"
    )
    seen = [post["id"] for post in await nova.walk(document, ("homeFeed",), writer.person, page=100)]
    expected = {
        post
        for other, first in zip(writers, targets, strict=True)
        if other is writer or writer.follows.get(other.person.id, False)
        for post in (first, *other.posts.values())
    }
    assert len(seen) == len(set(seen))
    assert set(seen) == expected


async def _drained(upped: Upped) -> bool:
    """Return whether every event has left its outbox and reached every group."""
    sources = running(upped.data).sources
    for room in ROOMS:
        connection = await asyncpg.connect(sources.room_dsns[room])
        try:
            if await connection.fetchval("SELECT count(*) FROM outbox") or await connection.fetchval(
                "SELECT count(*) FROM outbox_dead"
            ):
                return False
        finally:
            await connection.close()
    log = await asyncpg.connect(sources.log_dsn)
    try:
        behind: int = await log.fetchval(
            "SELECT count(*) FROM group_offsets JOIN partitions ON partition_id = id WHERE next_offset > committed"
        )
        return behind == 0
    finally:
        await log.close()
