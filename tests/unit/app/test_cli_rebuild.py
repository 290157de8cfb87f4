"""`nova rebuild`: equal where nothing is wrong, and not where something is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import httpx

from nova.app.at_rest import IN_MEMORY
from nova.app.engines.embedded import Engines
from nova.app.engines.roles import DATABASE
from nova.app.rooms import ROOMS
from tests.unit.app.commands import Commands
from tests.waiting import until

PROJECTIONS = {"profiles", "restrictions", "graph", "counters", "ranking", "feed"}
AT_REST = PROJECTIONS - set(IN_MEMORY)


async def published(nova: Commands, handle: str) -> str:
    """Let somebody sign up, post and like his post; return the post's id."""
    headers = {"Authorization": f"Bearer {await nova.sign_up(handle)}"}
    async with httpx.AsyncClient(headers=headers) as client:
        made = await client.post(
            nova.instance.graphql,
            json={
                "query": 'mutation { createPost(input: { caption: "x", contentType: TEXT }) { post { id } } }'
            },
        )
        post_id: str = made.json()["data"]["createPost"]["post"]["id"]
        like = f'mutation {{ likePost(input: {{ postId: "{post_id}" }}) {{ post {{ likeCount }} }} }}'
        liked = await client.post(nova.instance.graphql, json={"query": like})
    assert liked.json()["data"]["likePost"]["post"]["likeCount"] == 1
    return post_id


@asynccontextmanager
async def tampered(nova: Commands, room: str, change: str, back: str) -> AsyncIterator[None]:
    """Change a room's tables behind its back for the length of the block."""
    connection = await asyncpg.connect(nova.instance.sources.room_dsns[room])
    try:
        await connection.execute(change)
        yield
        await connection.execute(back)
    finally:
        await connection.close()


async def test_all_are_equal_in_the_process_that_runs(nova: Commands) -> None:
    await published(nova, "rebuild_all")
    shown = await nova("rebuild", "all", "--verify", "--json")
    assert shown.code == 0, shown.out
    assert {line["name"] for line in shown.lines} == PROJECTIONS
    assert all(line["equal"] and line["pid"] == nova.instance.pid for line in shown.lines)
    found = {line["name"]: line for line in shown.lines}
    assert all(found[name]["entries"] for name in ("profiles", "counters", "ranking", "feed"))


async def test_a_wrong_counter_is_seen(nova: Commands) -> None:
    await published(nova, "rebuild_counters")
    change, back = (f"UPDATE post_counters SET likes = likes {sign} 1" for sign in "+-")
    async with tampered(nova, "social", change, back):
        shown = await nova("rebuild", "counters", "--verify")
        assert shown.code == 1
        assert "NOT EQUAL" in shown.out


async def test_a_post_that_memory_does_not_know_is_seen(nova: Commands) -> None:
    await published(nova, "rebuild_feed")
    change, back = (f"UPDATE posts SET audience = {audience}" for audience in (2, 1))
    async with tampered(nova, "content", change, back):
        shown = await nova("rebuild", "all", "--verify", "--json")
        assert shown.code == 1
        assert {line["name"] for line in shown.lines if not line["equal"]} == {"feed", "ranking"}


async def test_a_profile_that_is_missing_is_seen(nova: Commands) -> None:
    change = "UPDATE profiles SET handle = handle || '_'"
    back = "UPDATE profiles SET handle = left(handle, -1)"
    await nova.sign_up("rebuild_profile")

    async def copied() -> bool:
        return (await nova("rebuild", "profiles", "--verify")).code == 0

    await until(copied)
    async with tampered(nova, "user", change, back):
        assert (await nova("rebuild", "profiles", "--verify")).code == 1


async def test_a_name_that_is_none(nova: Commands) -> None:
    refused = await nova("rebuild", "dreams", "--verify")
    assert refused.code == 1
    assert "counters" in refused.err


async def test_what_is_in_memory_is_not_filled_again_on_demand(nova: Commands) -> None:
    refused = await nova("rebuild", "graph", "--again")
    assert refused.code == 1
    assert "--verify" in refused.err


@asynccontextmanager
async def at_rest(
    nowhere: Commands,
) -> "AsyncIterator[tuple[Commands, asyncpg.Connection[asyncpg.Record]]]":
    """Yield commands, and a connection, on engines with what a Nova left there: they run, and no Nova does."""
    async with nowhere.up("--world", "none"):
        await published(nowhere, "rebuild_later")
    async with Engines(nowhere.data, rooms=ROOMS) as engines:
        named = {"NOVA_POSTGRES_URL": engines.postgres_dsn(), "NOVA_REDIS_URL": engines.redis_url}
        connection = await asyncpg.connect(engines.postgres_dsn(database=DATABASE))
        yield Commands(nowhere.data, named), connection
        await connection.close()


async def test_where_none_runs_what_lies_in_engines_is_compared_and_nothing_is_written(
    nowhere: Commands,
) -> None:
    """As beside the processes of production: whoever wrote would be a relay, a consumer or a migration."""
    async with at_rest(nowhere) as (beside, database):
        await database.execute(f"ALTER DATABASE {DATABASE} SET default_transaction_read_only = on")
        shown = await beside("rebuild", "all", "--verify", "--json")
        assert {line["name"]: line["equal"] for line in shown.lines} == dict.fromkeys(AT_REST, True), (
            shown.err
        )
        assert {line["pid"] for line in shown.lines} == {None}
        assert {line["name"]: line["entries"] for line in shown.lines}["counters"] == 1
        assert shown.code == 4
        assert "graph, ranking, feed: in the memory of the processes that serve them" in shown.err
        assert (await beside("rebuild", "counters", "--verify")).code == 0


async def test_where_none_runs_what_differs_in_engines_is_seen(nowhere: Commands) -> None:
    async with at_rest(nowhere) as (beside, database):
        await database.execute("UPDATE social.post_counters SET likes = likes + 1")
        shown = await beside("rebuild", "all", "--verify", "--json")
        assert shown.code == 1
        assert {line["name"] for line in shown.lines if not line["equal"]} == {"counters"}
        memory = await beside("rebuild", "graph", "--verify")
        assert (memory.code, memory.out) == (4, "")
        assert "NOVA_CONTROL" in memory.err
