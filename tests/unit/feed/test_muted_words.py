"""Muted words: posts of others that hold one stay off every feed, and nothing else changes."""

from datetime import timedelta
from uuid import UUID

import pytest

from nova.api.feed.v1 import feed_pb2 as pb
from nova.api.user.v1 import user_pb2
from nova.platform.rpc.validate import to_timestamp
from tests.unit.feed.conftest import FOLLOWING, RANKED, FeedHouse, FragileHouse, ids

MODES = (FOLLOWING, RANKED)


def mute(house: FeedHouse, viewer: UUID, *words: str, for_s: float | None = None) -> None:
    """Have a viewer mute these words and no others, and user tell it as it does."""
    until = None if for_s is None else to_timestamp(house.clock.now() + timedelta(seconds=for_s))
    house.world.words[viewer] = [user_pb2.MutedWord(word=word, until=until) for word in words]
    house.words.invalidate(viewer.bytes)


@pytest.mark.parametrize("mode", MODES)
async def test_posts_with_a_muted_word_are_left_out_of_home(
    house: FeedHouse, mode: pb.FeedMode.ValueType
) -> None:
    loud = await house.publish(house.kofi, 2, caption="The WAR, again")
    quiet = await house.publish(house.mei, 2, caption="warm bread")
    mute(house, house.ada, "war", "world cup")
    assert set(ids(await house.page(house.ada, mode))) == set(quiet)
    house.follow(house.zoe, house.kofi, house.mei)
    assert set(ids(await house.page(house.zoe, mode))) == {*loud, *quiet}, "a mute is only one's own"


async def test_posts_with_a_muted_word_are_left_out_of_explore(house: FeedHouse) -> None:
    await house.publish(house.zoe, 3, caption="war")
    quiet = await house.publish(house.zoe, 3, caption="peace")
    mute(house, house.ada, "war")
    assert set(ids(await house.explore(house.ada))) == set(quiet)
    house.ranking.down = True
    assert set(ids(await house.explore(house.ada))) == set(quiet), "the newest of everybody, too"


@pytest.mark.parametrize("mode", MODES)
async def test_ones_own_posts_are_never_left_out(house: FeedHouse, mode: pb.FeedMode.ValueType) -> None:
    own = await house.publish(house.ada, 2, caption="war")
    await house.publish(house.kofi, caption="war")
    mute(house, house.ada, "war")
    assert set(ids(await house.page(house.ada, mode))) == set(own)


@pytest.mark.parametrize("mode", MODES)
async def test_a_page_is_full_however_many_are_left_out(
    house: FeedHouse, mode: pb.FeedMode.ValueType
) -> None:
    quiet = await house.publish(house.mei, 10, caption="peace")
    await house.publish(house.kofi, 300, caption="war")
    quiet += await house.publish(house.mei, 10, caption="peace")
    mute(house, house.ada, "war")
    page = await house.page(house.ada, mode, size=20)
    assert set(ids(page)) == set(quiet)
    scroll = await house.scroll(house.ada, mode, size=6)
    assert sorted(scroll.post_ids) == sorted(quiet)
    assert [len(part) for part in scroll.pages if part] == [6, 6, 6, 2]


@pytest.mark.parametrize("mode", MODES)
async def test_a_scroll_shows_each_post_once_while_words_come_and_go(
    house: FeedHouse, mode: pb.FeedMode.ValueType
) -> None:
    for _ in range(6):
        await house.publish(house.kofi, 2, caption="war")
        await house.publish(house.mei, 2, caption="peace")
    shown: list[bytes] = []
    token, number = b"", 0
    while True:
        mute(house, house.ada, *(["war"] if number % 2 else []))
        page = await house.page(house.ada, mode, size=3, token=token)
        if number % 2:
            assert all(house.world.posts[post_id].caption == "peace" for post_id in ids(page))
        shown += ids(page)
        token, number = page.next_page_token, number + 1
        if not token:
            break
    assert len(shown) == len(set(shown))
    assert {one for one, post in house.world.posts.items() if post.caption == "peace"} <= set(shown)


@pytest.mark.parametrize("mode", MODES)
async def test_a_mute_and_its_end_hold_on_the_next_page(
    house: FeedHouse, mode: pb.FeedMode.ValueType
) -> None:
    posts = await house.publish(house.kofi, 3, caption="war")
    assert set(ids(await house.page(house.ada, mode))) == set(posts)
    mute(house, house.ada, "war")
    assert ids(await house.page(house.ada, mode)) == []
    mute(house, house.ada)
    assert set(ids(await house.page(house.ada, mode))) == set(posts)


async def test_a_word_that_has_ended_hides_nothing_though_it_is_still_kept(house: FeedHouse) -> None:
    posts = await house.publish(house.kofi, 2, caption="war")
    mute(house, house.ada, "war", for_s=60)
    house.clock.advance(59)
    assert ids(await house.page(house.ada)) == []
    house.clock.advance(1)
    assert set(ids(await house.page(house.ada))) == set(posts)
    assert house.user.asked == 1


async def test_without_muted_words_no_page_asks_for_more_than_before(house: FeedHouse) -> None:
    await house.publish(house.kofi, 30, caption="war")
    await house.page(house.ada, size=5)
    asked, checked = house.user.asked, len(house.content.checked)
    for mode in MODES:
        await house.scroll(house.ada, mode, size=5)
    await house.explore(house.ada)
    assert house.user.asked == asked == 1, "that there are none is kept as well"
    assert house.content.searched == []
    assert len(house.content.checked) > checked


async def test_s3_without_user_words_are_left_out_and_named(house: FeedHouse) -> None:
    posts = await house.publish(house.kofi, 2, caption="war")
    mute(house, house.ada, "war")
    house.user.down = True
    for mode in MODES:
        page = await house.page(house.ada, mode)
        assert (set(ids(page)), list(page.degraded)) == (set(posts), ["muted_words"])
    house.user.down = False
    assert ids(await house.page(house.ada)) == []
    house.user.down = True
    page = await house.page(house.ada)
    assert (ids(page), list(page.degraded)) == ([], []), "what is kept goes on to hold"


async def test_s3_where_nobody_can_look_for_words_posts_pass(house: FeedHouse) -> None:
    posts = await house.publish(house.kofi, 2, caption="war")
    mute(house, house.ada, "war")
    house.content.search_down = True
    page = await house.page(house.ada)
    assert (set(ids(page)), list(page.degraded)) == (set(posts), ["muted_words"])


async def test_s3_without_redis_words_are_asked_for_and_hold(fragile: FragileHouse) -> None:
    await fragile.publish(fragile.kofi, 2, caption="war")
    quiet = await fragile.publish(fragile.mei, 2, caption="peace")
    mute(fragile, fragile.ada, "war")
    await fragile.lose_redis()
    page = await fragile.page(fragile.ada)
    assert (set(ids(page)), list(page.degraded)) == (set(quiet), [])
