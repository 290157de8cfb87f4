"""X2: deletions of posts, in any order and several times between reactions, leave just the reactions that stand."""

import random
from dataclasses import replace
from typing import Any

import pytest

from nova.platform.errors import NotFound
from nova.platform.ids import uuid7
from tests.unit.social.conftest import SocialHouse, deleted


@pytest.mark.parametrize("seed", range(4))
async def test_x2_deletions_in_any_order_and_twice_leave_what_stands(house: SocialHouse, seed: int) -> None:
    chance = random.Random(seed)
    posts = [house.post(house.ada) for _ in range(6)]
    gone = posts[:3]
    told = [deleted(post_id, house.ada) for post_id in gone]
    # Under another id it is not filtered as a duplicate.
    deliveries = told + told + [replace(record, id=uuid7()) for record in told]
    steps: list[tuple[str, Any]] = [
        ("deliver", record) for record in chance.sample(deliveries, len(deliveries))
    ]
    steps += [("like", post_id) for post_id in posts] + [("unlike", post_id) for post_id in posts[::2]]
    stands: dict[bytes, bool] = dict.fromkeys(posts, False)
    for verb, what in chance.sample(steps, len(steps)):
        if verb == "deliver":
            await house.consumer.deliver([what])
            continue
        try:
            await (house.like if verb == "like" else house.unlike)(house.kofi, what)
            stands[what] = verb == "like"
        except NotFound:
            assert what in gone
    rows = await house.database.primary.fetch("SELECT post_id FROM likes")
    kept = {post_id for post_id in posts[3:] if stands[post_id]}
    assert {row["post_id"].bytes for row in rows} == kept
    for post_id in posts[3:]:
        assert (await house.state(house.mei, post_id)).like_count == (post_id in kept)
