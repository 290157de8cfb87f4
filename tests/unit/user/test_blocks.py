"""Blocks: who is hidden from whom, the ledger with its versions, the list, what is told."""

import asyncio
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nova.api.user.v1 import user_pb2 as pb
from nova.api.user.v1.events_pb2 import BlockEvent
from nova.platform.errors import InvalidArgument, NotFound
from nova.platform.ids import uuid7
from tests.one_room import outbox_topics
from tests.unit.user.conftest import UserHouse


async def listed(house: UserHouse, viewer: UUID, page_size: int = 2) -> list[UUID]:
    """Return everyone on the viewer's block list, page by page."""
    found: list[UUID] = []
    token = b""
    with house.neighbourhood.as_user(viewer):
        while True:
            page = await house.stub.ListBlocked(pb.ListBlockedRequest(page_size=page_size, page_token=token))
            found += [UUID(bytes=entry.profile.user_id) for entry in page.users]
            token = page.next_page_token
            if not token:
                return found


async def test_a2_a_block_hides_at_once_and_the_blocker_keeps_the_card(house: UserHouse) -> None:
    ada, kofi, mei = await house.opened("ada", "kofi", "mei")
    answer = await house.block(ada, kofi)
    assert answer.profile.handle == "kofi"
    assert await house.seen_by(kofi, ada, kofi, mei) == [kofi, mei]
    assert await house.seen_by(ada, ada, kofi, mei) == [ada, kofi, mei]
    assert await house.seen_by(mei, ada, kofi) == [ada, kofi]
    with house.neighbourhood.as_user(kofi):
        found = await house.stub.LookupHandles(pb.LookupHandlesRequest(handles=["ada", "mei"]))
    assert [profile.handle for profile in found.profiles] == ["mei"]


async def test_lifting_a_block_shows_again(house: UserHouse) -> None:
    ada, kofi = await house.ada_and_kofi()
    await house.block(ada, kofi)
    assert (await house.unblock(ada, kofi)).profile.handle == "kofi"
    assert await house.seen_by(kofi, ada) == [ada]
    assert await listed(house, ada) == []


async def test_a1_who_is_blocked_meets_the_shape_of_nobody(house: UserHouse) -> None:
    ada, kofi = await house.ada_and_kofi()
    await house.block(ada, kofi)
    for target in (ada, uuid7()):
        with house.neighbourhood.as_user(kofi):
            for call in (
                house.stub.BlockUser(pb.BlockUserRequest(user_id=target.bytes)),
                house.stub.UnblockUser(pb.UnblockUserRequest(user_id=target.bytes)),
                house.stub.MuteUser(pb.MuteUserRequest(user_id=target.bytes)),
                house.stub.UnmuteUser(pb.UnmuteUserRequest(user_id=target.bytes)),
            ):
                with pytest.raises(NotFound) as refusal:
                    await call
                assert (refusal.value.reason, refusal.value.field) == ("USER_NOT_FOUND", "user_id")


async def test_blocking_again_changes_nothing_and_tells_nobody(house: UserHouse) -> None:
    ada, kofi = await house.ada_and_kofi()
    assert await house.block(ada, kofi) == await house.block(ada, kofi)
    await house.unblock(ada, kofi)
    await house.unblock(ada, kofi)
    topics = [topic for topic in await outbox_topics(house.database) if topic.startswith("user.block.")]
    assert topics == ["user.block.created", "user.block.deleted"]


async def test_ten_blocks_at_once_are_one(house: UserHouse) -> None:
    ada, kofi = await house.ada_and_kofi()
    await asyncio.gather(*(house.block(ada, kofi, key="the-same") for _ in range(5)))
    await asyncio.gather(*(house.block(ada, kofi) for _ in range(5)))
    assert len(await house.events("user.block.created")) == 1


async def test_versions_of_a_pair_rise_though_the_clock_goes_back(house: UserHouse) -> None:
    ada, kofi = await house.ada_and_kofi()
    for _ in range(2):
        await house.block(ada, kofi)
        house.clock.advance(-300)
        await house.unblock(ada, kofi)
    made = [BlockEvent.FromString(payload) for payload in await house.events("user.block.created")]
    lifted = [BlockEvent.FromString(payload) for payload in await house.events("user.block.deleted")]
    versions = [event.version for pair in zip(made, lifted, strict=True) for event in pair]
    assert versions == sorted(set(versions))
    assert made[0].user_id == ada.bytes
    assert made[0].blocked_id == kofi.bytes


async def test_the_list_is_ones_own_and_newest_first(house: UserHouse) -> None:
    ada, *others = await house.opened("ada", *(f"other_{number}" for number in range(7)))
    for other in others:
        house.clock.advance(1)
        await house.block(ada, other)
    assert await listed(house, ada) == others[::-1]
    assert await listed(house, others[0]) == []


async def test_each_entry_begins_the_page_after_it(house: UserHouse) -> None:
    ada, *others = await house.opened("ada", "one", "two", "three")
    for other in others:
        house.clock.advance(1)
        await house.block(ada, other)
    with house.neighbourhood.as_user(ada):
        page = await house.stub.ListBlocked(pb.ListBlockedRequest(page_size=3))
        after = await house.stub.ListBlocked(pb.ListBlockedRequest(page_token=page.users[0].page_token))
    assert list(after.users) == list(page.users)[1:]
    assert not page.next_page_token


async def test_a2_who_blocks_back_is_not_on_the_list(house: UserHouse) -> None:
    ada, kofi = await house.ada_and_kofi()
    async with house.database.primary.connection() as connection:
        await connection.execute(
            "INSERT INTO blocks VALUES ($1, $2, now(), NULL, 1), ($2, $1, now(), NULL, 1)", ada, kofi
        )
    assert await listed(house, ada) == []
    assert not (await house.unblock(ada, kofi)).HasField("profile")


async def test_nobody_blocks_or_mutes_himself(house: UserHouse) -> None:
    (ada,) = await house.opened("ada")
    with house.neighbourhood.as_user(ada):
        for call in (
            house.stub.BlockUser(pb.BlockUserRequest(user_id=ada.bytes)),
            house.stub.UnblockUser(pb.UnblockUserRequest(user_id=ada.bytes)),
            house.stub.MuteUser(pb.MuteUserRequest(user_id=ada.bytes)),
        ):
            with pytest.raises(InvalidArgument) as refusal:
                await call
            assert refusal.value.reason == "ONESELF_NAMED"


@pytest.mark.parametrize(
    "token", [b"x", b"\x7f" + b"\xff" * 23, b"\x00" * 25], ids=["short", "future", "long"]
)
async def test_q7_a_token_that_no_page_gave_is_refused(house: UserHouse, token: bytes) -> None:
    with house.neighbourhood.as_user(uuid7()):
        for call in (
            house.stub.ListBlocked(pb.ListBlockedRequest(page_token=token)),
            house.stub.ListMuted(pb.ListMutedRequest(page_token=token)),
        ):
            with pytest.raises(InvalidArgument) as refusal:
                await call
            assert refusal.value.field == "page_token"


async def test_q5_a_page_is_bounded(house: UserHouse) -> None:
    with house.neighbourhood.as_user(uuid7()):
        for size in (-1, 101):
            with pytest.raises(InvalidArgument) as refusal:
                await house.stub.ListBlocked(pb.ListBlockedRequest(page_size=size))
            assert refusal.value.field == "page_size"


acts = st.lists(st.tuples(st.booleans(), st.integers(0, 2), st.integers(0, 2)), max_size=12)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=acts)
async def test_sight_is_what_the_ledger_of_blocks_says(
    house: UserHouse, acts: list[tuple[bool, int, int]]
) -> None:
    people = await house.opened(*(f"p{uuid7().hex[-12:]}" for _ in range(3)))
    standing: set[tuple[int, int]] = set()
    for blocks, one, other in acts:
        if one == other:
            continue
        hidden = (other, one) in standing
        try:
            await (house.block if blocks else house.unblock)(people[one], people[other])
        except NotFound:
            assert hidden
            continue
        (standing.add if blocks else standing.discard)((one, other))
    for viewer in range(3):
        wanted = [people[other] for other in range(3) if (other, viewer) not in standing]
        assert await house.seen_by(people[viewer], *people) == wanted
