"""A page is there while its caller still waits: with what there is by then, and where to go on."""

import time
from typing import Final

import pytest

from nova.api.feed.v1 import feed_pb2 as pb
from nova.policy.visibility import Audience
from tests.unit.feed.conftest import FOLLOWING, RANKED, FeedHouse, ids

_WAITS_S: Final = 1.0


async def half_hidden(house: FeedHouse) -> None:
    """Have posts of which every second one may not be seen: a page needs more than one round."""
    for _ in range(20):
        await house.publish(house.kofi)
        await house.publish(house.kofi, audience=Audience.CHOSEN)


def nearest(house: FeedHouse, begun: float) -> float:
    """Return the share of its caller's time within which content had to answer, at the last check."""
    last = house.content.deadlines[-1]
    assert last is not None
    return (last - begun) / _WAITS_S


@pytest.mark.parametrize("mode", [RANKED, FOLLOWING])
async def test_s3_a_page_whose_content_hangs_goes_with_what_was_checked_and_loses_nothing(
    house: FeedHouse, mode: pb.FeedMode.ValueType
) -> None:
    await half_hidden(house)
    house.content.answers, begun = 1, time.monotonic()
    page = await house.page(house.ada, mode, size=15, timeout_s=_WAITS_S)
    assert 0 < len(page.items) < 15
    assert list(page.degraded) == ["content"]
    assert nearest(house, begun) < 0.9
    house.content.answers = None
    rest = await house.scroll(house.ada, mode, size=15, token=page.next_page_token)
    shown = [*ids(page), *rest.post_ids]
    assert sorted(shown, reverse=True) == house.world.timeline(house.ada)
    assert not rest.degraded


async def test_s3_an_explore_page_whose_content_hangs_goes_with_what_was_checked(house: FeedHouse) -> None:
    await half_hidden(house)
    house.content.answers, begun = 1, time.monotonic()
    page = await house.explore(house.zoe, size=15, timeout_s=_WAITS_S)
    assert 0 < len(page.items) < 15
    assert list(page.degraded) == ["content"]
    assert nearest(house, begun) < 0.9


async def test_s3_a_ranking_that_hangs_leaves_time_for_a_page_without_it(house: FeedHouse) -> None:
    await house.publish(house.kofi, 5)
    house.ranking.late = True
    page = await house.page(house.ada, RANKED, timeout_s=0.75)
    assert ids(page) == house.world.timeline(house.ada)
    assert list(page.degraded) == ["ranking"]
