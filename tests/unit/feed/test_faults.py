"""With one part lost the home feed still answers, says what is missing, and shows nothing unchecked."""

import pytest

from nova.api.feed.v1 import feed_pb2 as pb
from nova.platform.clock import SystemClock
from nova.platform.errors import Timeout, Unavailable
from nova.platform.ids import uuid7
from nova.platform.resilience import CircuitOpen
from nova.policy.visibility import Audience
from nova.services.feed.events import FOLLOW_CREATED, FOLLOW_DELETED
from nova.services.feed.model import UserId
from nova.services.feed.store.dismissals import DismissalStore, FeedTx
from nova.services.feed.wiring import PostingsLoading
from tests.unit.feed.conftest import FOLLOWING, RANKED, FeedHouse, FragileHouse, ids
from tests.waiting import until

_HANGS = "LOCK TABLE dismissals IN ACCESS EXCLUSIVE MODE"
"""Whoever reads them waits until this transaction ends."""


@pytest.mark.parametrize("fault", ["down", "late"])
async def test_s3_without_ranking_the_feed_is_in_order_of_time(house: FeedHouse, fault: str) -> None:
    await house.publish(house.kofi, 9)
    await house.publish(house.zoe, 3)
    setattr(house.ranking, fault, True)
    first = await house.page(house.ada, RANKED, size=4)
    setattr(house.ranking, fault, False)
    await house.publish(house.mei, 2)
    rest = await house.scroll(house.ada, RANKED, size=4, token=first.next_page_token)
    there = [post for post in house.world.timeline(house.ada) if post < max(ids(first)) or post in ids(first)]
    assert [*ids(first), *rest.post_ids] == there
    assert list(first.degraded) == ["ranking"]
    assert rest.degraded == {"ranking"}
    assert not (await house.page(house.ada, RANKED)).degraded


@pytest.mark.parametrize("mode", [RANKED, FOLLOWING])
async def test_s3_without_graph_nothing_is_shown_and_it_is_said(
    house: FeedHouse, mode: pb.FeedMode.ValueType
) -> None:
    await house.publish(house.kofi, 9)
    await house.page(house.ada, mode)
    house.graph.down = True
    page = await house.page(house.ada, mode, size=4)
    assert ids(page) == []
    assert "graph" in page.degraded
    house.graph.down = False
    back = await house.scroll(house.ada, mode, size=4, token=page.next_page_token)
    assert sorted(back.post_ids, reverse=True) == house.world.timeline(house.ada)


async def test_s3_graph_lost_in_the_middle_of_a_scroll_loses_no_post(house: FeedHouse) -> None:
    house.ranking.most = 6
    await house.publish(house.kofi, 12)
    shown: list[bytes] = []
    token = b""
    for number in range(12):
        house.graph.down = number % 2 == 1
        page = await house.page(house.ada, RANKED, size=3, token=token)
        assert house.graph.down == (list(page.degraded) == ["graph"])
        shown += ids(page)
        token = page.next_page_token
        if not token:
            break
    assert sorted(shown, reverse=True) == house.world.timeline(house.ada)


async def test_s3_mutes_that_cannot_be_asked_hide_rather_than_show(house: FeedHouse) -> None:
    await house.publish(house.kofi, 3)
    house.graph.relations_down = True
    page = await house.page(house.ada)
    assert (ids(page), list(page.degraded)) == ([], ["graph"])


async def test_s3_without_content_nothing_is_shown_and_it_is_said(house: FeedHouse) -> None:
    await house.publish(house.kofi, 3)
    house.content.down = True
    for mode in (RANKED, FOLLOWING):
        page = await house.page(house.ada, mode)
        assert (ids(page), list(page.degraded)) == ([], ["content"])
        assert page.next_page_token


async def test_s3_when_follows_are_late_the_timeline_answers(house: FeedHouse) -> None:
    await house.publish(house.kofi, 5)
    await house.page(house.ada)
    house.graph.following_down = True
    (later,) = await house.publish(house.mei)
    (strange,) = await house.publish(house.zoe)
    page = await house.page(house.ada, size=4)
    assert ids(page) == house.world.timeline(house.ada)[:4]
    assert ids(page)[0] == later
    assert list(page.degraded) == ["graph"]
    rest = await house.page(house.ada, size=20, token=page.next_page_token)
    assert [*ids(page), *ids(rest)] == house.world.timeline(house.ada)
    house.graph.following_down = False
    assert ids(await house.page(house.ada, token=rest.next_page_token)) == []
    assert strange not in ids(page)


async def test_a2_a_timeline_shows_nothing_unchecked(house: FeedHouse) -> None:
    kofis = await house.publish(house.kofi, 3)
    meis = await house.publish(house.mei, 3)
    await house.page(house.ada)
    house.graph.following_down = True
    house.world.follows.discard((house.ada, house.mei))
    house.world.posts.pop(kofis[0])
    assert ids(await house.page(house.ada)) == kofis[:0:-1]
    house.world.blocks.add((house.kofi, house.ada))
    assert ids(await house.page(house.ada)) == []
    assert meis


async def test_a_timeline_follows_deletions_and_other_follows(house: FeedHouse) -> None:
    kofis = await house.publish(house.kofi, 3)
    await house.page(house.ada)
    entry = f"feed:{{{house.ada.hex}}}:timeline"
    assert await house.redis.execute("ZCARD", entry) == 3
    assert 0 < await house.redis.execute("TTL", entry) <= 86_400
    await house.tell(house.deleted(kofis[0], house.kofi))
    assert await house.redis.execute("ZCARD", entry) == 2
    for topic in (FOLLOW_CREATED, FOLLOW_DELETED):
        await house.page(house.ada)
        assert await house.redis.execute("EXISTS", entry) == 1
        await house.tell(house.followed(topic, house.ada, house.zoe))
        assert await house.redis.execute("EXISTS", entry) == 0


async def test_a_timeline_that_ended_is_not_begun_by_one_post(house: FeedHouse) -> None:
    await house.publish(house.kofi, 3)
    await house.page(house.ada)
    entry = f"feed:{{{house.ada.hex}}}:timeline"
    await house.redis.execute("DEL", entry)
    await house.publish(house.kofi)
    assert await house.redis.execute("EXISTS", entry) == 0


async def test_a_timeline_keeps_the_newest_hundred(house: FeedHouse) -> None:
    house.write(house.kofi, 150)
    await house.tell(*map(house.created, house.world.posts))
    await house.page(house.ada)
    await house.publish(house.mei, 2)
    house.graph.following_down = True
    shown: list[bytes] = []
    token = b""
    for _ in range(3):
        page = await house.page(house.ada, size=60, token=token)
        shown += ids(page)
        token = page.next_page_token
    assert shown == house.world.timeline(house.ada)[:100]
    house.graph.following_down = False
    shown += (await house.scroll(house.ada, size=60, token=token)).post_ids
    assert shown == house.world.timeline(house.ada)


async def test_s3_without_a_place_for_slates_the_feed_is_in_order_of_time(fragile: FragileHouse) -> None:
    await fragile.publish(fragile.kofi, 9)
    slate = await fragile.page(fragile.ada, RANKED, size=4)
    await fragile.lose_redis()
    scroll = await fragile.scroll(fragile.ada, RANKED, size=4)
    assert scroll.post_ids == fragile.world.timeline(fragile.ada)
    assert "slates" in scroll.degraded
    followed = await fragile.scroll(fragile.ada, FOLLOWING, size=4)
    assert (followed.post_ids, followed.degraded) == (fragile.world.timeline(fragile.ada), set())
    stuck = await fragile.page(fragile.ada, RANKED, size=4, token=slate.next_page_token)
    assert (ids(stuck), stuck.next_page_token) == ([], slate.next_page_token)
    assert "slates" in stuck.degraded
    assert ids(await fragile.explore(fragile.zoe, size=4)) == fragile.world.timeline(fragile.kofi)[:4]
    with pytest.raises(Unavailable):
        await fragile.mark_seen(fragile.ada, uuid7().bytes)
    fragile.graph.following_down = True
    assert ids(await fragile.page(fragile.ada, FOLLOWING)) == []


async def test_s3_events_go_on_without_redis_and_it_comes_back(fragile: FragileHouse) -> None:
    await fragile.publish(fragile.kofi, 3)
    await fragile.page(fragile.ada)
    await fragile.lose_redis()
    (post_id,) = await fragile.publish(fragile.mei)
    assert ids(await fragile.page(fragile.ada, size=1)) == [post_id]
    await fragile.valkey.start()
    await until(lambda: fragile.redis.connected)
    page = await fragile.page(fragile.ada, RANKED, size=2)
    assert not page.degraded
    assert len((await fragile.scroll(fragile.ada, RANKED, size=2)).post_ids) == 4


async def test_s3_timelines_that_were_lost_with_redis_are_begun_anew(fragile: FragileHouse) -> None:
    await fragile.publish(fragile.kofi, 3)
    await fragile.page(fragile.ada)
    await fragile.lose_redis()
    await fragile.valkey.start()
    await until(lambda: fragile.redis.connected)
    await fragile.redis.execute("FLUSHALL")
    await fragile.page(fragile.ada)
    fragile.graph.following_down = True
    assert ids(await fragile.page(fragile.ada)) == fragile.world.timeline(fragile.ada)


async def test_s3_without_postgresql_dismissals_are_left_out_and_named(house: FeedHouse) -> None:
    posts = await house.publish(house.kofi, 3)
    await house.dismiss(house.ada, posts[0])
    await house.database.close()
    for mode in (FOLLOWING, RANKED):
        page = await house.page(house.ada, mode)
        assert set(ids(page)) == set(posts)
        assert list(page.degraded) == ["dismissals"]
    with pytest.raises(Unavailable):
        await house.dismiss(house.ada, posts[1])


async def test_s3_while_postgresql_is_late_dismissals_are_left_out_and_named(house: FeedHouse) -> None:
    posts = await house.publish(house.kofi, 3)
    await house.dismiss(house.ada, posts[0])
    async with house.database.transaction(FeedTx) as tx:
        await tx.execute(_HANGS)
        for mode in (FOLLOWING, RANKED):
            page = await house.page(house.ada, mode)
            assert set(ids(page)) == set(posts)
            assert list(page.degraded) == ["dismissals"]
    for mode in (FOLLOWING, RANKED):
        page = await house.page(house.ada, mode)
        assert (set(ids(page)), list(page.degraded)) == (set(posts[1:]), [])


async def test_s3_a_page_waits_no_more_for_dismissals_that_are_late_again_and_again(house: FeedHouse) -> None:
    store, ada = DismissalStore(house.database, clock=SystemClock(), read_s=0.01), UserId(house.ada)

    async def refused() -> bool:
        with pytest.raises((Timeout, CircuitOpen)) as caught:
            await store.latest(ada, limit=1)
        return caught.type is CircuitOpen

    async def answered() -> bool:
        try:
            return await store.latest(ada, limit=1) == []
        except (Timeout, CircuitOpen):
            return False

    async with house.database.transaction(FeedTx) as tx:
        await tx.execute(_HANGS)
        await until(refused)
    await until(answered)


async def test_s3_a_room_that_cannot_load_yet_serves_timelines_and_is_not_ready(unstarted: FeedHouse) -> None:
    house = unstarted
    house.follow(house.ada, house.kofi)
    house.write(house.kofi, 5)
    house.content.down = True
    await house.loading.start()
    assert not (await house.health.ready()).ok
    with pytest.raises(PostingsLoading):
        await house.loading.check()
    page = await house.page(house.ada)
    assert (ids(page), list(page.degraded)) == ([], ["postings"])
    house.content.down = False
    await until(house.health.is_ready)
    assert (await house.scroll(house.ada)).post_ids == house.world.timeline(house.ada)


async def test_s3_a_timeline_answers_while_the_postings_still_load(house: FeedHouse) -> None:
    await house.publish(house.kofi, 5)
    await house.publish(house.kofi, audience=Audience.CHOSEN)
    await house.page(house.ada)
    house.loading._postings.loaded = False
    page = await house.page(house.ada)
    assert ids(page) == house.world.timeline(house.ada)
    assert list(page.degraded) == ["postings"]
    ranked = await house.page(house.ada, RANKED)
    assert sorted(ids(ranked), reverse=True) == house.world.timeline(house.ada)
