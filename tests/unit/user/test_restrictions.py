"""What graph asks: the walk through all restrictions, and the terms of a follow; and rows that come in bulk."""

from datetime import timedelta
from uuid import UUID

import pytest

from nova.api.user.v1 import user_pb2 as pb
from nova.platform.clock import unix_ms
from nova.platform.errors import InvalidArgument
from nova.platform.ids import uuid7
from nova.platform.rpc.validate import to_timestamp
from nova.services.user.model import Block, Mute, Profile, Settings, UserId
from nova.services.user.store.tx import UserWriter
from tests.unit.user.conftest import UserHouse

Fact = tuple[int, UUID, UUID | None]


async def walk(house: UserHouse, page_size: int) -> list[Fact]:
    """Return all restrictions, page by page, without a caller."""
    found: list[Fact] = []
    token = b""
    while True:
        page = await house.stub.ListRestrictions(
            pb.ListRestrictionsRequest(page_size=page_size, page_token=token)
        )
        found += [
            (entry.kind, UUID(bytes=entry.user_id), UUID(bytes=entry.other_id) if entry.other_id else None)
            for entry in page.restrictions
        ]
        token = page.next_page_token
        if not token:
            return found


async def hide(house: UserHouse, user_id: UUID) -> None:
    with house.neighbourhood.as_user(user_id):
        await house.stub.UpdateProfile(pb.UpdateProfileRequest(is_private=True))
        await house.stub.UpdateSettings(pb.UpdateSettingsRequest(suggestible=False))


@pytest.mark.parametrize("page_size", [1, 2, 3, 5000])
async def test_the_walk_meets_every_restriction_once(house: UserHouse, page_size: int) -> None:
    people = await house.opened(*(f"person_{number}" for number in range(4)))
    expected: set[Fact] = set()
    for one in people:
        for other in people:
            if one < other:
                await house.block(one, other)
                expected.add((pb.RESTRICTION_KIND_BLOCK, one, other))
    for one, other in ((people[1], people[2]), (people[3], people[2])):
        async with UserWriter(house.database).transaction() as tx:
            mute = Mute(user_id=UserId(one), muted_id=UserId(other), muted_at=house.clock.now(), version=1)
            await tx.add_mutes([mute])
        expected.add((pb.RESTRICTION_KIND_MUTE, one, other))
    await house.unblock(people[0], people[3])
    expected.discard((pb.RESTRICTION_KIND_BLOCK, people[0], people[3]))
    await hide(house, people[2])
    expected |= {
        (pb.RESTRICTION_KIND_PRIVATE, people[2], None),
        (pb.RESTRICTION_KIND_UNSUGGESTED, people[2], None),
    }
    found = await walk(house, page_size)
    assert len(found) == len(expected)
    assert set(found) == expected


async def test_a_mute_that_has_ended_is_still_on_the_ledger(house: UserHouse) -> None:
    ada, kofi = await house.ada_and_kofi()
    until = house.clock.now() + timedelta(seconds=1)
    with house.neighbourhood.as_user(ada):
        await house.stub.MuteUser(pb.MuteUserRequest(user_id=kofi.bytes, until=to_timestamp(until)))
    house.clock.advance(10)
    page = await house.stub.ListRestrictions(pb.ListRestrictionsRequest())
    assert [unix_ms(entry.until.ToDatetime(tzinfo=until.tzinfo)) for entry in page.restrictions] == [
        unix_ms(until)
    ]


async def test_q7_a_place_that_no_walk_gave_is_refused(house: UserHouse) -> None:
    for token in (b"x", b"\x09" + bytes(32), bytes(33)):
        with pytest.raises(InvalidArgument) as refusal:
            await house.stub.ListRestrictions(pb.ListRestrictionsRequest(page_token=token))
        assert refusal.value.field == "page_token"
    for size in (-1, 5001):
        with pytest.raises(InvalidArgument):
            await house.stub.ListRestrictions(pb.ListRestrictionsRequest(page_size=size))


async def test_the_terms_name_both_ways_and_lifted_blocks(house: UserHouse) -> None:
    ada, kofi = await house.ada_and_kofi()
    with house.neighbourhood.as_user(ada):
        fresh = await house.stub.GetFollowTerms(pb.GetFollowTermsRequest(user_id=kofi.bytes))
    assert (fresh.is_private, list(fresh.blocks)) == (False, [])
    await house.block(ada, kofi)
    await house.unblock(ada, kofi)
    await house.block(kofi, ada)
    await hide(house, kofi)
    with house.neighbourhood.as_user(ada):
        terms = await house.stub.GetFollowTerms(pb.GetFollowTermsRequest(user_id=kofi.bytes))
    assert terms.is_private
    assert terms.profile_version > fresh.profile_version
    assert {(block.user_id, block.lifted) for block in terms.blocks} == {
        (ada.bytes, True),
        (kofi.bytes, False),
    }


async def test_rows_in_bulk_give_way_to_what_is_newer(house: UserHouse) -> None:
    ada, kofi = UserId(uuid7()), UserId(uuid7())
    now = house.clock.now()

    def profile(user_id: UserId, handle: str, bio: str, version: int) -> Profile:
        return Profile(
            user_id=user_id, handle=handle, display_name=handle, bio=bio, created_at=now, version=version
        )

    async with UserWriter(house.database).transaction() as tx:
        written = await tx.add_profiles([profile(ada, "ada", "new", 5), profile(kofi, "kofi", "", 1)])
        assert written == {ada, kofi}
        assert await tx.add_profiles([profile(ada, "ada", "old", 4)]) == frozenset()
        await tx.save_settings([(ada, Settings(suggestible=False)), (kofi, Settings(language="tw"))])
        made = await tx.add_blocks(
            [
                Block(user_id=ada, blocked_id=kofi, blocked_at=now, version=1),
                Block(user_id=kofi, blocked_id=ada, blocked_at=now, version=1),
            ]
        )
        assert {block.user_id for block in made} == {ada, kofi}
    assert (await house.profile(ada, ada)).bio == "new"
