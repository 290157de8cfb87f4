"""A deleted post takes every reaction along, also those that are being written."""

import asyncio
from uuid import UUID

import pytest

from nova.platform.errors import NotFound
from nova.platform.ids import uuid7
from nova.services.social.model import Like, PostId, UserId
from nova.services.social.store.tx import SocialTx
from tests.unit.social.conftest import SocialHouse, deleted

TABLES = ("likes", "shares", "comments", "comment_likes", "post_counters")


async def test_nothing_is_left_of_a_deleted_post(house: SocialHouse) -> None:
    post_id, other = house.post(house.ada), house.post(house.ada)
    for one in (post_id, other):
        await house.like(house.kofi, one)
        await house.share(house.kofi, one)
        top = await house.comment(house.kofi, one)
        await house.comment(house.mei, one, top.comment_id)
    author = house.world.posts[post_id]
    await house.bury(post_id)
    assert await house.states(house.ada, post_id) == []
    state = await house.state(house.ada, other)
    assert (state.like_count, state.share_count, state.comment_count) == (1, 1, 2)
    for table in ("likes", "shares", "comments", "post_counters"):
        count = await house.database.primary.fetchval(
            f"SELECT count(*) FROM {table} WHERE post_id = $1", UUID(bytes=post_id)
        )
        assert count == 0
    # Heard again under another id it changes nothing.
    await house.consumer.deliver([deleted(post_id, author)])
    assert await house.state(house.ada, other) == state


async def test_x2_a_reaction_after_the_deletion_is_turned_away(house: SocialHouse) -> None:
    post_id = house.post(house.ada)
    await house.consumer.deliver([deleted(post_id, house.ada)])
    # Content has not got that far: the post can still be seen.
    for verb in (house.like, house.share, house.comment):
        with pytest.raises(NotFound) as refusal:
            await verb(house.kofi, post_id)
        assert refusal.value.reason == "POST_NOT_FOUND"
    assert await house.rows(*TABLES, "outbox") == 0


async def test_reactions_written_while_the_post_goes_leave_nothing(house: SocialHouse) -> None:
    for _ in range(4):
        post_id = house.post(house.ada)
        top = await house.comment(house.ada, post_id)
        record = deleted(post_id, house.ada)
        people = [uuid7() for _ in range(8)]
        outcomes = await asyncio.gather(
            *(house.like(person, post_id) for person in people),
            house.consumer.deliver([record]),
            *(house.comment(person, post_id, top.comment_id) for person in people),
            *(house.share(person, post_id) for person in people),
            return_exceptions=True,
        )
        assert all(not isinstance(one, Exception) or isinstance(one, NotFound) for one in outcomes)
        assert await house.rows(*TABLES) == 0


async def test_a_batch_of_likes_counts_only_the_new_ones(house: SocialHouse) -> None:
    posts = [PostId(uuid7()) for _ in range(3)]
    people = [UserId(uuid7()) for _ in range(5)]
    now = house.clock.now()
    likes = [Like(user_id=person, post_id=post_id, liked_at=now) for post_id in posts for person in people]
    for batch, new in ((likes[:8], likes[:8]), (likes, likes[8:]), (likes, [])):
        async with house.database.transaction(SocialTx) as tx:
            assert await tx.add_likes(batch) == new
    rows = await house.database.primary.fetch(
        "SELECT post_id, sum(likes) AS likes FROM post_counters GROUP BY post_id"
    )
    assert {row["post_id"]: row["likes"] for row in rows} == dict.fromkeys(posts, 5)
