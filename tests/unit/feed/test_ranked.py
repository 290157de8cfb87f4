"""RANKED: an order frozen at the first page, then the rest by time, each post once."""

import pytest

from nova.platform.errors import FailedPrecondition
from nova.policy.visibility import Surface
from nova.services.feed.model import Shelf, UserId
from nova.services.feed.store import slates
from nova.services.feed.store.slates import KEPT_S, SLATES_OF_A_USER, _key
from tests.unit.feed.conftest import RANKED, FeedHouse, ids, sums


def in_order(house: FeedHouse) -> list[bytes]:
    """What ada may see, in ranking's order."""
    ranked = house.ranking.order(house.world.posts)
    return [post_id for post_id in ranked if house.world.shown(house.ada, post_id, Surface.FEED)]


async def test_posts_come_in_rankings_order_with_its_reasons(house: FeedHouse) -> None:
    for author in (house.kofi, house.mei, house.ada, house.zoe):
        await house.publish(author, 8)
    scroll = await house.scroll(house.ada, RANKED, size=7)
    assert scroll.post_ids == in_order(house)
    assert {item.source for item in scroll.items} == {"follows", "second_degree"}
    for item in scroll.items:
        assert list(item.features) == ["recency", "from_followed"]
        assert sums(item) == pytest.approx(item.score, abs=1e-9)
    assert house.ranking.asked == 1


async def test_the_order_is_frozen(house: FeedHouse) -> None:
    await house.publish(house.kofi, 12)
    order = in_order(house)
    first = await house.page(house.ada, RANKED, size=5)
    house.ranking.order = sorted
    await house.publish(house.kofi)
    rest = await house.scroll(house.ada, RANKED, size=5, token=first.next_page_token)
    assert [*ids(first), *rest.post_ids] == order
    again = await house.page(house.ada, RANKED, size=5)
    assert ids(again) == in_order(house)[:5] != order[:5]


async def test_the_same_token_gives_the_same_page(house: FeedHouse) -> None:
    await house.publish(house.kofi, 20)
    first = await house.page(house.ada, RANKED, size=5)
    second = await house.page(house.ada, RANKED, size=5, token=first.next_page_token)
    house.clock.advance(1)
    await house.mark_seen(house.ada, *ids(first), *ids(second))
    again = await house.page(house.ada, RANKED, size=5, token=first.next_page_token)
    assert again == second


@pytest.mark.parametrize("size", [1, 5, 10, 100])
async def test_a_full_scroll_shows_each_post_once_while_others_write(house: FeedHouse, size: int) -> None:
    house.ranking.most = 10
    await house.publish(house.kofi, 14)
    await house.publish(house.zoe, 4)
    await house.publish(house.mei, 9)
    slate = in_order(house)[:10]
    rest = [post_id for post_id in house.world.timeline(house.ada) if post_id not in slate]
    shown: list[bytes] = []
    token = b""
    while True:
        page = await house.page(house.ada, RANKED, size=size, token=token)
        shown += ids(page)
        await house.publish(house.mei)
        token = page.next_page_token
        if not token:
            break
    assert shown == [*slate, *rest]


async def test_every_item_says_where_to_go_on_after_it(house: FeedHouse) -> None:
    house.ranking.most = 5
    await house.publish(house.kofi, 9)
    page = await house.page(house.ada, RANKED, size=9)
    assert len(page.items) == 9
    for place, item in enumerate(page.items, 1):
        after = await house.page(house.ada, RANKED, size=9, token=item.page_token)
        assert ids(after) == ids(page)[place:]


async def test_a_slate_longer_than_the_most_is_cut_and_the_rest_follows(house: FeedHouse) -> None:
    house.write(house.kofi, 520)
    await house.tell(*map(house.created, house.world.posts))
    house.ranking.most = 1000
    scroll = await house.scroll(house.ada, RANKED, size=100)
    assert scroll.post_ids[:500] == in_order(house)[:500]
    assert len(scroll.post_ids) == len(set(scroll.post_ids)) == 520


async def test_unfollows_blocks_mutes_and_deletions_hold_in_a_frozen_order(house: FeedHouse) -> None:
    kofis = await house.publish(house.kofi, 6)
    meis = await house.publish(house.mei, 6)
    zoes = await house.publish(house.zoe, 6)
    first = await house.page(house.ada, RANKED, size=1)
    left = {*kofis, *meis, *zoes} - set(ids(first))
    house.world.follows.discard((house.ada, house.kofi))
    house.world.blocks.add((house.zoe, house.ada))
    gone = (set(meis) & left).pop()
    del house.world.posts[gone]
    rest = await house.scroll(house.ada, RANKED, size=4, token=first.next_page_token)
    assert set(rest.post_ids) == set(meis) & left - {gone}


async def test_who_is_followed_while_one_scrolls_is_in_the_rest(house: FeedHouse) -> None:
    house.ranking.most = 2
    await house.publish(house.kofi, 4)
    zoes = await house.publish(house.zoe, 3)
    house.ranking.order = lambda post_ids: [post for post in sorted(post_ids) if post not in zoes]
    first = await house.page(house.ada, RANKED, size=2)
    house.follow(house.ada, house.zoe)
    rest = await house.scroll(house.ada, RANKED, size=2, token=first.next_page_token)
    assert rest.post_ids[:3] == zoes[::-1]


async def test_what_was_seen_is_in_no_later_ranked_feed(house: FeedHouse) -> None:
    house.ranking.most = 4
    posts = await house.publish(house.kofi, 12)
    seen = set(posts[::2])
    await house.mark_seen(house.ada, *seen)
    house.clock.advance(1)
    scroll = await house.scroll(house.ada, RANKED, size=3)
    assert house.ranking.excluded == seen
    assert sorted(scroll.post_ids) == sorted(set(posts) - seen)
    assert (await house.scroll(house.ada)).post_ids == house.world.timeline(house.ada)
    assert len((await house.scroll(house.kofi, RANKED)).post_ids) == 12


async def test_what_ranking_leaves_out_is_named(house: FeedHouse) -> None:
    await house.publish(house.kofi, 3)
    house.ranking.degraded = ["popular", "features"]
    page = await house.page(house.ada, RANKED)
    assert (len(page.items), list(page.degraded)) == (3, ["popular", "features"])


async def test_a_lost_slate_says_to_begin_again(house: FeedHouse) -> None:
    house.ranking.most = 4
    await house.publish(house.kofi, 9)
    tokens = [item.page_token for item in (await house.page(house.ada, RANKED, size=8)).items]
    (key,) = await house.redis.execute("KEYS", f"feed:{{{house.ada.hex}}}:slate:*")
    await house.redis.execute("DEL", key)
    for token in tokens:
        with pytest.raises(FailedPrecondition) as refusal:
            await house.page(house.ada, RANKED, token=token)
        assert refusal.value.reason == "SLATE_GONE"
        assert "begin again" in refusal.value.message


async def test_a_first_page_whose_slate_was_pushed_out_comes_by_time(
    house: FeedHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = await house.publish(house.kofi, 3)
    monkeypatch.setattr(slates, "SLATES_OF_A_USER", 0)  # as if many first pages were asked for at once
    page = await house.page(house.ada, RANKED)
    assert [item.post_id for item in page.items] == posts[::-1]
    assert list(page.degraded) == ["slates"]


async def test_a1_anothers_slate_is_like_none(house: FeedHouse) -> None:
    await house.publish(house.kofi, 9)
    token = (await house.page(house.ada, RANKED, size=3)).next_page_token
    for viewer in (house.kofi, house.zoe):
        with pytest.raises(FailedPrecondition) as refusal:
            await house.page(viewer, RANKED, token=token)
        assert refusal.value.reason == "SLATE_GONE"


async def test_a_slate_of_another_release_is_like_none(house: FeedHouse) -> None:
    await house.publish(house.kofi, 9)
    token = (await house.page(house.ada, RANKED, size=3)).next_page_token
    key = _key(UserId(house.ada), Shelf.HOME, token[1:17])
    for field, value in (("0", b"no columns"), ("head", b"short"), ("head", b"\x01" + bytes(20))):
        await house.redis.execute("HSET", key, field, value)
        with pytest.raises(FailedPrecondition):
            await house.page(house.ada, RANKED, token=token)


async def test_slates_are_few_and_end(house: FeedHouse) -> None:
    await house.publish(house.kofi, 9)
    pages = [await house.page(house.ada, RANKED, size=3) for _ in range(SLATES_OF_A_USER + 2)]
    keys = await house.redis.execute("KEYS", f"feed:{{{house.ada.hex}}}:slate:*")
    assert len(keys) == SLATES_OF_A_USER
    for key in keys:
        assert 0 < await house.redis.execute("TTL", key) <= KEPT_S
    with pytest.raises(FailedPrecondition):
        await house.page(house.ada, RANKED, token=pages[0].next_page_token)
    assert (await house.page(house.ada, RANKED, token=pages[-1].next_page_token)).items


async def test_a_slate_that_is_read_is_kept_for_another_while(house: FeedHouse) -> None:
    await house.publish(house.kofi, 9)
    token = (await house.page(house.ada, RANKED, size=3)).next_page_token
    key = _key(UserId(house.ada), Shelf.HOME, token[1:17])
    await house.redis.execute("EXPIRE", key, 5)
    await house.page(house.ada, RANKED, size=3, token=token)
    assert await house.redis.execute("TTL", key) > 5
