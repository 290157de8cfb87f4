"""Seen and not interested: noted once, bounded, and in effect on the next page."""

import pytest

from nova.api.feed.v1 import feed_pb2 as pb
from nova.platform.errors import Conflict, InvalidArgument, NotFound
from nova.platform.ids import uuid7
from nova.policy.visibility import Audience
from nova.services.feed.model import SEEN_MOST, UserId
from nova.services.feed.store.seen import SeenPosts
from tests.unit.feed.conftest import FOLLOWING, RANKED, FeedHouse, ids, record_of


async def dismissals(house: FeedHouse) -> int:
    count: int = await house.database.primary.fetchval("SELECT count(*) FROM dismissals")
    return count


async def test_a_dismissed_post_leaves_every_feed(house: FeedHouse) -> None:
    posts = await house.publish(house.kofi, 4)
    strange = await house.publish(house.zoe, 2)
    frozen = await house.page(house.ada, RANKED, size=1)
    await house.dismiss(house.ada, posts[0])
    await house.dismiss(house.ada, strange[0])
    for mode in (FOLLOWING, RANKED):
        shown = (await house.scroll(house.ada, mode, size=2)).post_ids
        assert not {posts[0], strange[0]} & set(shown)
    assert house.ranking.excluded == {posts[0], strange[0]}
    rest = await house.scroll(house.ada, RANKED, token=frozen.next_page_token)
    assert not {posts[0], strange[0]} & set(rest.post_ids)
    assert ids(await house.explore(house.ada)) == [strange[1]]
    assert set(ids(await house.page(house.kofi))) == set(posts)


async def test_dismissing_again_changes_nothing(house: FeedHouse) -> None:
    (post_id,) = await house.publish(house.kofi)
    for key in (None, None, "key-1", "key-1"):
        await house.dismiss(house.ada, post_id, key)
    assert await dismissals(house) == 1


async def test_a_key_belongs_to_one_body(house: FeedHouse) -> None:
    first, second = await house.publish(house.kofi, 2)
    await house.dismiss(house.ada, first, "key-1")
    await house.mark_seen(house.ada, first, key="key-2")
    await house.mark_seen(house.ada, first, key="key-2")
    for again in (house.dismiss(house.ada, second, "key-1"), house.mark_seen(house.ada, second, key="key-2")):
        with pytest.raises(Conflict) as refusal:
            await again
        assert refusal.value.reason == "IDEMPOTENCY_CONFLICT"
    assert await dismissals(house) == 1
    assert await SeenPosts(house.redis).latest(UserId(house.ada)) == [first]


async def test_a_dismissal_repeated_under_its_key_gives_the_first_answer(house: FeedHouse) -> None:
    (post_id,) = await house.publish(house.kofi)
    await house.dismiss(house.ada, post_id, "key-1")
    del house.world.posts[post_id]
    await house.dismiss(house.ada, post_id, "key-1")
    for _ in range(2):
        with pytest.raises(NotFound):
            await house.dismiss(house.ada, post_id, "key-2")


async def test_a1_what_one_may_not_see_cannot_be_dismissed(house: FeedHouse) -> None:
    (hidden,) = await house.publish(house.zoe, audience=Audience.FOLLOWERS)
    refusals = set()
    for post_id in (hidden, uuid7().bytes):
        with pytest.raises(NotFound) as refusal:
            await house.dismiss(house.ada, post_id)
        refusals.add((refusal.value.reason, refusal.value.message))
    assert len(refusals) == 1
    assert await dismissals(house) == 0


async def test_a_deleted_post_takes_its_dismissals_along(house: FeedHouse) -> None:
    first, second = await house.publish(house.kofi, 2)
    for viewer in (house.ada, house.zoe):
        await house.dismiss(viewer, first)
    await house.dismiss(house.ada, second)
    event = record_of(house.deleted(first, house.kofi))
    for _ in range(2):
        await house.consumer.deliver([event])
    assert await dismissals(house) == 1


async def test_seen_posts_are_bounded_and_end(house: FeedHouse) -> None:
    seen, ada = SeenPosts(house.redis), UserId(house.ada)
    batches = [[uuid7().bytes for _ in range(1500)] for _ in range(3)]
    for batch in batches:
        await seen.add(ada, batch, house.clock.now())
        house.clock.advance(1)
    kept = await seen.latest(ada)
    assert len(kept) == SEEN_MOST
    assert set(batches[2]) | set(batches[1]) <= set(kept)
    assert await house.redis.execute("TTL", f"feed:{{{house.ada.hex}}}:seen") > 0


async def test_seeing_again_keeps_the_first_moment(house: FeedHouse) -> None:
    seen, ada, post_id = SeenPosts(house.redis), UserId(house.ada), uuid7().bytes
    await seen.add(ada, [post_id], house.clock.now())
    bound = int(house.clock.now().timestamp() * 1000) + 10
    house.clock.advance(60)
    await seen.add(ada, [post_id], house.clock.now())
    assert await seen.among(ada, [post_id], before_ms=bound) == {post_id}
    assert await seen.among(ada, [post_id], before_ms=bound - 100) == frozenset()


async def test_marking_nothing_is_fine(house: FeedHouse) -> None:
    await house.mark_seen(house.ada)
    assert await SeenPosts(house.redis).latest(UserId(house.ada)) == []


async def test_r8_marks_have_at_most_two_hundred_whole_ids(house: FeedHouse) -> None:
    with house.neighbourhood.as_user(house.ada):
        for post_ids in ([b"short"], [uuid7().bytes] * 201):
            with pytest.raises(InvalidArgument) as refusal:
                await house.stub.MarkSeen(pb.MarkSeenRequest(post_ids=post_ids))
            assert refusal.value.field == "post_ids"
        with pytest.raises(InvalidArgument):
            await house.stub.NotInterested(pb.NotInterestedRequest(post_id=b"short"))
