"""X2, X3: accounts told of late and again, and changes made while the clock is set."""

import random
from dataclasses import replace

import pytest

from nova.api.user.v1 import user_pb2 as pb
from nova.api.user.v1.events_pb2 import BlockEvent, ProfileUpdatedEvent
from nova.platform.ids import uuid7
from tests.unit.user.conftest import UserHouse, account_opened

FIVE_MINUTES_S = 300


@pytest.mark.parametrize("seed", range(3))
async def test_x2_accounts_told_of_in_any_order_and_twice_are_opened_once(
    house: UserHouse, seed: int
) -> None:
    chance = random.Random(seed)
    user_ids = [uuid7() for _ in range(4)]
    told = [account_opened(user_id, f"person_{nth}") for nth, user_id in enumerate(user_ids)]
    # Under another id it is not filtered as a duplicate.
    deliveries = told + told + [replace(record, id=uuid7()) for record in told]
    changed: set[bytes] = set()
    for record in chance.sample(deliveries, len(deliveries)):
        await house.consumer.deliver([record])
        user_id = user_ids[told.index(next(one for one in told if one.payload == record.payload))]
        if user_id.bytes not in changed:
            changed.add(user_id.bytes)
            with house.neighbourhood.as_user(user_id):
                await house.stub.UpdateProfile(pb.UpdateProfileRequest(bio="changed since"))
    for nth, user_id in enumerate(user_ids):
        profile = await house.profile(user_id, user_id)
        assert (profile.handle, profile.bio) == (f"person_{nth}", "changed since")
    assert len(await house.events("user.profile.updated")) == 2 * len(user_ids)


async def test_x3_order_by_sequence_never_by_clock(house: UserHouse) -> None:
    ada, kofi = await house.ada_and_kofi()
    told: list[tuple[int, bool]] = []
    for nth, step_s in enumerate([-FIVE_MINUTES_S, FIVE_MINUTES_S, -FIVE_MINUTES_S, -FIVE_MINUTES_S, 0]):
        await (house.unblock if nth % 2 else house.block)(ada, kofi)
        with house.neighbourhood.as_user(ada):
            await house.stub.UpdateProfile(pb.UpdateProfileRequest(bio=f"the {nth}th"))
        house.clock.step(step_s)
    for topic, lifted in (("user.block.created", False), ("user.block.deleted", True)):
        told += [(BlockEvent.FromString(one).version, lifted) for one in await house.events(topic)]
    assert len({version for version, _ in told}) == 5
    assert [lifted for _, lifted in sorted(told)] == [False, True, False, True, False]
    profiles = [ProfileUpdatedEvent.FromString(one) for one in await house.events("user.profile.updated")]
    mine = [profile for profile in profiles if profile.user_id == ada.bytes]
    assert [profile.bio for profile in sorted(mine, key=lambda profile: profile.version)] == [
        "",
        *(f"the {nth}th" for nth in range(5)),
    ]
    assert (await house.profile(ada, ada)).bio == "the 4th"
    assert await house.seen_by(kofi, ada) == []
