"""Profiles: made by the event of an account, read by others, changed by their owners."""

import asyncio

import pytest

from nova.api.user.v1 import user_pb2 as pb
from nova.api.user.v1.events_pb2 import ProfileUpdatedEvent
from nova.platform.errors import (
    Conflict,
    Forbidden,
    InvalidArgument,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from nova.platform.ids import uuid7
from tests.one_room import outbox_topics
from tests.unit.user.conftest import UserHouse, account_opened
from tests.waiting import until


async def test_an_account_that_was_opened_has_a_profile(house: UserHouse) -> None:
    ada = uuid7()
    await house.consumer.deliver([account_opened(ada, "ada", "Ada Lovelace")])
    profile = await house.profile(ada, ada)
    assert (profile.handle, profile.display_name, profile.is_private) == ("ada", "Ada Lovelace", False)
    told = ProfileUpdatedEvent.FromString((await house.events("user.profile.updated"))[0])
    assert (told.user_id, told.version, told.suggestible) == (ada.bytes, profile.version, True)


async def test_an_account_without_a_name_shows_its_handle(house: UserHouse) -> None:
    (ada,) = await house.opened("ada")
    assert (await house.profile(ada, ada)).display_name == "ada"


async def test_what_follows_a_sign_up_keeps_its_correlation_id(house: UserHouse) -> None:
    await house.opened("ada", "kofi")
    rows = await house.database.primary.fetch("SELECT headers FROM outbox")
    assert all("sign-up-7" in row["headers"] for row in rows)
    assert len(rows) == 2


async def test_an_account_told_of_ten_times_is_one_profile(house: UserHouse) -> None:
    ada = uuid7()
    record = account_opened(ada, "ada")
    await asyncio.gather(*(house.consumer.deliver([record]) for _ in range(10)))
    assert await outbox_topics(house.database) == ["user.profile.updated"]


async def test_x2_an_account_told_of_again_does_not_undo_a_change(house: UserHouse) -> None:
    ada = uuid7()
    await house.consumer.deliver([account_opened(ada, "ada")])
    with house.neighbourhood.as_user(ada):
        await house.stub.UpdateProfile(pb.UpdateProfileRequest(bio="first programmer"))
    await house.consumer.deliver([account_opened(ada, "ada")])  # another event of the same account
    assert (await house.profile(ada, ada)).bio == "first programmer"


async def test_who_has_just_signed_up_waits_for_his_own_profile(house: UserHouse) -> None:
    ada = uuid7()
    reading = asyncio.create_task(house.profile(ada, ada))
    await until(lambda: ada in house.waiting)
    await house.consumer.deliver([account_opened(ada, "ada")])
    assert (await reading).handle == "ada"


async def test_nobody_waits_for_others(house: UserHouse) -> None:
    (ada,) = await house.opened("ada")
    async with asyncio.timeout(1):
        assert await house.seen_by(ada, uuid7()) == []


async def test_a_profile_that_does_not_come_is_not_waited_for_for_ever(house: UserHouse) -> None:
    ada = uuid7()
    with house.neighbourhood.as_user(ada):
        answer = await house.stub.GetProfiles(pb.GetProfilesRequest(user_ids=[ada.bytes]), timeout=0.2)
        assert list(answer.profiles) == []
        with pytest.raises(Unavailable) as refusal:
            await house.stub.GetSettings(pb.GetSettingsRequest(), timeout=0.2)
    assert refusal.value.reason == "PROFILE_NOT_READY"


async def test_profiles_come_in_the_order_asked(house: UserHouse) -> None:
    ada, kofi, mei = await house.opened("ada", "kofi", "mei")
    assert await house.seen_by(ada, mei, uuid7(), ada, kofi) == [mei, ada, kofi]


async def test_readers_of_one_turn_share_their_queries(
    house: UserHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = await house.opened(*(f"person_{number}" for number in range(20)))
    fetch, queries = house.database.primary.fetch, []

    async def counted(sql: str, *args: object) -> object:
        queries.append(sql)
        return await fetch(sql, *args)

    monkeypatch.setattr(house.database.primary, "fetch", counted)
    seen = await asyncio.gather(*(house.seen_by(viewer, *people) for viewer in people))
    assert all(found == people for found in seen)
    assert len(queries) == 3  # the others, each himself, and the blocks between them


async def test_handles_are_found_in_any_case_and_wrong_ones_are_nobodys(house: UserHouse) -> None:
    ada, kofi = await house.ada_and_kofi()
    with house.neighbourhood.as_user(ada):
        answer = await house.stub.LookupHandles(
            pb.LookupHandlesRequest(handles=["KOFI", "nobody", "аdа", "x", "a b", "ada"])
        )
    assert [profile.user_id for profile in answer.profiles] == [kofi.bytes, ada.bytes]


async def test_an_owner_changes_what_he_names_and_sees_it_at_once(house: UserHouse) -> None:
    ada, kofi = await house.ada_and_kofi()
    before = await house.profile(ada, ada)
    with house.neighbourhood.as_user(ada):
        answer = await house.stub.UpdateProfile(
            pb.UpdateProfileRequest(
                bio="", avatar_url="/media/ada.png", display_name=" Ada ", is_private=True
            )
        )
    after = await house.profile(kofi, ada)
    assert answer.profile == after
    assert (after.display_name, after.avatar_url, after.is_private) == ("Ada", "/media/ada.png", True)
    assert after.version > before.version
    told = ProfileUpdatedEvent.FromString((await house.events("user.profile.updated"))[-1])
    assert (told.display_name, told.is_private, told.version) == ("Ada", True, after.version)


async def test_changing_nothing_tells_nobody(house: UserHouse) -> None:
    (ada,) = await house.opened("ada")
    with house.neighbourhood.as_user(ada):
        before = (await house.stub.UpdateProfile(pb.UpdateProfileRequest())).profile
        after = (await house.stub.UpdateProfile(pb.UpdateProfileRequest(bio=""))).profile
    assert before == after
    assert len(await house.events("user.profile.updated")) == 1  # the one of its making


async def test_versions_rise_though_the_clock_goes_back(house: UserHouse) -> None:
    (ada,) = await house.opened("ada")
    versions = []
    for bio in ("one", "two", "three"):
        house.clock.advance(-300)
        with house.neighbourhood.as_user(ada):
            answer = await house.stub.UpdateProfile(pb.UpdateProfileRequest(bio=bio))
        versions.append(answer.profile.version)
    assert versions == sorted(set(versions))


async def test_changes_at_once_are_all_kept(house: UserHouse) -> None:
    (ada,) = await house.opened("ada")
    with house.neighbourhood.as_user(ada):
        await asyncio.gather(
            house.stub.UpdateProfile(pb.UpdateProfileRequest(bio="both")),
            house.stub.UpdateProfile(pb.UpdateProfileRequest(display_name="are")),
            house.stub.UpdateProfile(pb.UpdateProfileRequest(avatar_url="/media/kept.png")),
        )
    profile = await house.profile(ada, ada)
    assert (profile.bio, profile.display_name, profile.avatar_url) == ("both", "are", "/media/kept.png")


async def test_one_key_is_one_change(house: UserHouse) -> None:
    (ada,) = await house.opened("ada")
    with house.neighbourhood.as_user(ada, key="k1"):
        first = await house.stub.UpdateProfile(pb.UpdateProfileRequest(bio="one"))
    with house.neighbourhood.as_user(ada):
        await house.stub.UpdateProfile(pb.UpdateProfileRequest(bio="two"))
    with house.neighbourhood.as_user(ada, key="k1"):
        assert await house.stub.UpdateProfile(pb.UpdateProfileRequest(bio="one")) == first
        with pytest.raises(Conflict) as refusal:
            await house.stub.UpdateProfile(pb.UpdateProfileRequest(bio="three"))
    assert refusal.value.reason == "IDEMPOTENCY_CONFLICT"
    assert (await house.profile(ada, ada)).bio == "two"


async def test_caches_forget_a_profile_once_its_change_is_committed(house: UserHouse) -> None:
    (ada,) = await house.opened("ada")

    async def load(_: bytes) -> pb.Profile | None:
        return await house.profile(ada, ada)

    assert await house.cards.get(ada.bytes, load) is not None
    with house.neighbourhood.as_user(ada):
        await house.stub.UpdateProfile(pb.UpdateProfileRequest(bio="new"))

    async def is_new() -> bool:
        card = await house.cards.get(ada.bytes, load)
        return card is not None and card.bio == "new"

    await until(is_new, within_s=5)


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.UpdateProfileRequest(display_name="   "), "display_name"),
        (pb.UpdateProfileRequest(display_name="x" * 51), "display_name"),
        (pb.UpdateProfileRequest(display_name="two\nlines"), "display_name"),
        (pb.UpdateProfileRequest(bio="x" * 501), "bio"),
        (pb.UpdateProfileRequest(bio="gro\u202etxet"), "bio"),
        (pb.UpdateProfileRequest(bio="nul\0"), "bio"),
        (pb.UpdateProfileRequest(avatar_url="javascript:alert(1)"), "avatar_url"),
        (pb.UpdateProfileRequest(avatar_url="/media/../etc/passwd"), "avatar_url"),
    ],
)
async def test_q10_input_that_breaks_a_rule_changes_nothing(
    house: UserHouse, request_: pb.UpdateProfileRequest, field: str
) -> None:
    (ada,) = await house.opened("ada")
    before = await house.profile(ada, ada)
    with house.neighbourhood.as_user(ada), pytest.raises(InvalidArgument) as refusal:
        await house.stub.UpdateProfile(request_)
    assert refusal.value.field == field
    assert await house.profile(ada, ada) == before


async def test_r8_ids_and_handles_are_checked_and_bounded(house: UserHouse) -> None:
    with house.neighbourhood.as_user(uuid7()):
        for request in (
            pb.GetProfilesRequest(user_ids=[b"short"]),
            pb.GetProfilesRequest(user_ids=[uuid7().bytes] * 201),
        ):
            with pytest.raises(InvalidArgument) as refusal:
                await house.stub.GetProfiles(request)
            assert refusal.value.field == "user_ids"
        for handles in ([f"h{number}" for number in range(51)], ["h" * 101], ["nul\0"]):
            with pytest.raises(InvalidArgument) as refusal:
                await house.stub.LookupHandles(pb.LookupHandlesRequest(handles=handles))
            assert refusal.value.field == "handles"


async def test_r2_the_room_asks_for_a_token_and_its_permissions(house: UserHouse) -> None:
    (ada,) = await house.opened("ada")
    with pytest.raises(Unauthenticated):
        await house.stub.GetProfiles(pb.GetProfilesRequest(user_ids=[ada.bytes]))
    with house.neighbourhood.as_user(ada, permissions={"profile:read"}):
        with pytest.raises(Forbidden):
            await house.stub.UpdateProfile(pb.UpdateProfileRequest(bio="x"))
        with pytest.raises(Forbidden):
            await house.stub.BlockUser(pb.BlockUserRequest(user_id=uuid7().bytes))
        with pytest.raises(Forbidden):
            await house.stub.UpdateSettings(pb.UpdateSettingsRequest(language="en"))
    with house.neighbourhood.as_user(ada, permissions=()):
        with pytest.raises(Forbidden):
            await house.stub.GetProfiles(pb.GetProfilesRequest(user_ids=[ada.bytes]))
        with pytest.raises(Forbidden):
            await house.stub.ListBlocked(pb.ListBlockedRequest())


async def test_a1_an_unknown_user_has_one_shape_for_all_verbs(house: UserHouse) -> None:
    (ada,) = await house.opened("ada")
    nobody = uuid7().bytes
    with house.neighbourhood.as_user(ada):
        for call in (
            house.stub.BlockUser(pb.BlockUserRequest(user_id=nobody)),
            house.stub.UnblockUser(pb.UnblockUserRequest(user_id=nobody)),
            house.stub.MuteUser(pb.MuteUserRequest(user_id=nobody)),
            house.stub.UnmuteUser(pb.UnmuteUserRequest(user_id=nobody)),
            house.stub.GetFollowTerms(pb.GetFollowTermsRequest(user_id=nobody)),
        ):
            with pytest.raises(NotFound) as refusal:
                await call
            assert refusal.value.reason == "USER_NOT_FOUND"
