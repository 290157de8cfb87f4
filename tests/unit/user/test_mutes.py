"""Mutes: for good or until a moment; nobody is told of them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from nova.api.user.v1 import user_pb2 as pb
from nova.api.user.v1.events_pb2 import MuteEvent
from nova.platform.errors import InvalidArgument
from nova.platform.rpc.validate import to_timestamp
from tests.one_room import outbox_topics
from tests.unit.user.conftest import UserHouse


async def mute(
    house: UserHouse, viewer: UUID, user_id: UUID, until: datetime | None = None, *, key: str | None = None
) -> pb.MuteUserResponse:
    end = None if until is None else to_timestamp(until)
    with house.neighbourhood.as_user(viewer, key=key):
        return await house.stub.MuteUser(pb.MuteUserRequest(user_id=user_id.bytes, until=end))


async def unmute(house: UserHouse, viewer: UUID, user_id: UUID) -> pb.UnmuteUserResponse:
    with house.neighbourhood.as_user(viewer):
        return await house.stub.UnmuteUser(pb.UnmuteUserRequest(user_id=user_id.bytes))


async def muted(house: UserHouse, viewer: UUID) -> list[UUID]:
    with house.neighbourhood.as_user(viewer):
        page = await house.stub.ListMuted(pb.ListMutedRequest())
    return [UUID(bytes=entry.profile.user_id) for entry in page.users]


async def test_a_mute_hides_no_card_and_is_only_ones_own(house: UserHouse) -> None:
    ada, kofi = await house.ada_and_kofi()
    assert (await mute(house, ada, kofi)).profile.handle == "kofi"
    assert await house.seen_by(ada, kofi) == [kofi]
    assert await house.seen_by(kofi, ada) == [ada]
    assert await muted(house, ada) == [kofi]
    assert await muted(house, kofi) == []


async def test_a_mute_ends_by_itself(house: UserHouse) -> None:
    ada, kofi = await house.ada_and_kofi()
    await mute(house, ada, kofi, house.clock.now() + timedelta(hours=1))
    assert await muted(house, ada) == [kofi]
    house.clock.advance(3601)
    assert await muted(house, ada) == []


async def test_muting_again_moves_the_end_and_muting_alike_tells_nobody(house: UserHouse) -> None:
    ada, kofi = await house.ada_and_kofi()
    end = house.clock.now() + timedelta(hours=1)
    for until in (end, end, None, None):
        await mute(house, ada, kofi, until)
    told = [MuteEvent.FromString(payload) for payload in await house.events("user.mute.created")]
    assert [event.HasField("until") for event in told] == [True, False]
    assert told[0].until.ToDatetime(tzinfo=UTC) == end
    assert told[0].version < told[1].version


async def test_unmuting_lifts_and_is_told_once(house: UserHouse) -> None:
    ada, kofi = await house.ada_and_kofi()
    await mute(house, ada, kofi)
    assert (await unmute(house, ada, kofi)).profile.handle == "kofi"
    assert (await unmute(house, ada, kofi)).profile.handle == "kofi"
    assert await muted(house, ada) == []
    topics = [topic for topic in await outbox_topics(house.database) if topic.startswith("user.mute.")]
    assert topics == ["user.mute.created", "user.mute.deleted"]


async def test_who_muted_may_unmute_though_he_was_blocked_since(house: UserHouse) -> None:
    ada, kofi = await house.ada_and_kofi()
    await mute(house, kofi, ada)
    await house.block(ada, kofi)
    assert await muted(house, kofi) == []
    assert not (await unmute(house, kofi, ada)).HasField("profile")
    assert await house.events("user.mute.deleted")


async def test_a_mute_cannot_have_ended(house: UserHouse) -> None:
    ada, kofi = await house.ada_and_kofi()
    with pytest.raises(InvalidArgument) as refusal:
        await mute(house, ada, kofi, house.clock.now())
    assert (refusal.value.reason, refusal.value.field) == ("MUTE_ENDED", "until")
    assert await muted(house, ada) == []


async def test_a_repeated_call_gets_its_first_answer_though_the_mute_has_ended_since(
    house: UserHouse,
) -> None:
    ada, kofi = await house.ada_and_kofi()
    until = house.clock.now() + timedelta(seconds=5)
    first = await mute(house, ada, kofi, until, key="once")
    house.clock.advance(10)
    assert await mute(house, ada, kofi, until, key="once") == first
