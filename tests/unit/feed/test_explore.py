"""Explore: what ranking finds beyond one's follows, frozen; by time when ranking is away."""

import pytest

from nova.platform.errors import FailedPrecondition
from nova.policy.visibility import Audience
from nova.services.feed.store import slates
from tests.unit.feed.conftest import FeedHouse, ids, sums


async def test_strangers_posts_in_rankings_order(house: FeedHouse) -> None:
    zoes = await house.publish(house.zoe, 12)
    await house.publish(house.kofi, 5)
    await house.publish(house.ada, 5)
    scroll = await house.explore_all(house.ada, size=5)
    assert scroll.post_ids == house.ranking.order(zoes)
    assert house.ranking.asked == 1
    assert all(sums(item) == pytest.approx(item.score, abs=1e-9) for item in scroll.items)


async def test_who_is_followed_leaves_explore_at_once(house: FeedHouse) -> None:
    await house.publish(house.zoe, 6)
    first = await house.explore(house.ada, size=2)
    house.follow(house.ada, house.zoe)
    assert ids(await house.explore(house.ada, token=first.next_page_token)) == []


async def test_a2_explore_shows_nothing_hidden(house: FeedHouse) -> None:
    await house.publish(house.zoe, 3)
    house.world.mutes.add((house.ada, house.zoe))
    assert ids(await house.explore(house.ada)) == []
    house.world.mutes.clear()
    house.world.private.add(house.zoe)
    assert ids(await house.explore(house.ada)) == []


async def test_seen_posts_are_in_no_later_explore(house: FeedHouse) -> None:
    first, second = await house.publish(house.zoe, 2)
    await house.mark_seen(house.ada, first)
    assert ids(await house.explore(house.ada)) == [second]


@pytest.mark.parametrize("fault", ["down", "late"])
async def test_without_ranking_the_newest_open_posts_come_by_time(house: FeedHouse, fault: str) -> None:
    zoes = await house.publish(house.zoe, 9)
    await house.publish(house.zoe, 3, audience=Audience.FOLLOWERS)
    await house.publish(house.kofi, 4)
    await house.publish(house.ada, 4)
    setattr(house.ranking, fault, True)
    scroll = await house.explore_all(house.ada, size=4)
    assert scroll.post_ids == zoes[::-1]
    assert scroll.degraded == {"ranking"}
    assert {item.source for item in scroll.items} == {"fresh"}


async def test_a_lost_slate_says_to_begin_again(house: FeedHouse) -> None:
    await house.publish(house.zoe, 6)
    token = (await house.explore(house.ada, size=2)).next_page_token
    with pytest.raises(FailedPrecondition) as refusal:
        await house.explore(house.kofi, token=token)
    assert refusal.value.reason == "SLATE_GONE"


async def test_a_first_page_whose_slate_was_pushed_out_comes_by_time(
    house: FeedHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = await house.publish(house.zoe, 3)
    monkeypatch.setattr(slates, "SLATES_OF_A_USER", 0)  # as if many first pages were asked for at once
    page = await house.explore(house.ada)
    assert ids(page) == posts[::-1]
    assert list(page.degraded) == ["slates"]
