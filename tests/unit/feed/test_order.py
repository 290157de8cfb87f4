"""X2: what feed hears in any order and several times ends in lists, timelines and dismissals of what there is."""

import random
from dataclasses import replace

import pytest

from nova.platform.ids import uuid7
from nova.services.feed import events
from nova.services.feed.model import NEWEST
from nova.services.feed.store.timelines import Timelines
from tests.unit.feed.conftest import FeedHouse, record_of


@pytest.mark.parametrize("seed", range(4))
async def test_x2_posts_told_in_any_order_and_twice_end_as_they_are(house: FeedHouse, seed: int) -> None:
    chance = random.Random(seed)
    await house.publish(house.kofi)
    await house.page(house.ada)  # her timeline begins
    posts = house.write(house.kofi, 4)
    dismissed, gone = posts[0], posts[:2]
    await house.dismiss(house.ada, dismissed)
    told = [house.created(post_id) for post_id in posts]
    told += [house.deleted(post_id, house.kofi) for post_id in gone]
    again = [replace(event, id=uuid7()) for event in told]
    for event in chance.sample(told + again, len(told) + len(again)):
        await house.tell(event)
        await house.consumer.deliver([record_of(event)] if event.topic == "content.post.deleted" else [])
    for post_id in gone:
        del house.world.posts[post_id]
    assert (await house.audit.verify()).equal
    page = await Timelines(house.redis).page(house.ada.bytes, want=20, before=NEWEST)
    kept = [post_id for post_id, _ in page]
    assert kept == house.world.timeline(house.ada)
    assert not set(kept) & set(gone)
    assert await house.database.primary.fetchval("SELECT count(*) FROM dismissals") == 0


async def test_a_timeline_that_another_process_kept_ends_with_the_follow(house: FeedHouse) -> None:
    posts = await house.publish(house.mei)
    timelines = Timelines(house.redis)
    await timelines.keep(house.ada.bytes, [(posts[0], house.mei.bytes)])
    await house.tell(house.followed(events.FOLLOW_DELETED, house.ada, house.mei))
    assert await timelines.page(house.ada.bytes, want=20, before=NEWEST) == []


async def test_an_unfollow_that_nobody_heard_of_ends_with_the_next_page(house: FeedHouse) -> None:
    (kofis,), (meis,) = await house.publish(house.kofi), await house.publish(house.mei)
    timelines = Timelines(house.redis)
    await timelines.keep(house.ada.bytes, [(meis, house.mei.bytes)])
    house.world.follows.discard((house.ada, house.mei))
    await house.page(house.ada)
    assert await timelines.page(house.ada.bytes, want=20, before=NEWEST) == [(kofis, house.kofi.bytes)]
