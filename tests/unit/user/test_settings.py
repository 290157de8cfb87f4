"""Settings: everyone's own, with defaults, and the one of them that others must know."""

import pytest

from nova.api.user.v1 import user_pb2 as pb
from nova.api.user.v1.events_pb2 import ProfileUpdatedEvent
from nova.platform.errors import InvalidArgument
from tests.unit.user.conftest import UserHouse


async def test_who_chose_nothing_has_the_defaults(house: UserHouse) -> None:
    (ada,) = await house.opened("ada")
    with house.neighbourhood.as_user(ada):
        settings = (await house.stub.GetSettings(pb.GetSettingsRequest())).settings
    assert settings == pb.Settings(language="en", personalised_feed=True, suggestible=True)


async def test_only_what_is_named_changes(house: UserHouse) -> None:
    ada, kofi = await house.ada_and_kofi()
    with house.neighbourhood.as_user(ada):
        await house.stub.UpdateSettings(pb.UpdateSettingsRequest(language="zh-Hant-TW"))
        answer = await house.stub.UpdateSettings(pb.UpdateSettingsRequest(personalised_feed=False))
        kept = (await house.stub.GetSettings(pb.GetSettingsRequest())).settings
    assert answer.settings == kept
    assert kept == pb.Settings(language="zh-Hant-TW", personalised_feed=False, suggestible=True)
    with house.neighbourhood.as_user(kofi):
        assert (await house.stub.GetSettings(pb.GetSettingsRequest())).settings.language == "en"


async def test_not_to_be_suggested_is_told_with_the_profile(house: UserHouse) -> None:
    (ada,) = await house.opened("ada")
    before = await house.profile(ada, ada)
    with house.neighbourhood.as_user(ada):
        await house.stub.UpdateSettings(pb.UpdateSettingsRequest(language="fr"))
        await house.stub.UpdateSettings(pb.UpdateSettingsRequest(suggestible=False))
        await house.stub.UpdateProfile(pb.UpdateProfileRequest(bio="hidden"))
    told = list(map(ProfileUpdatedEvent.FromString, await house.events("user.profile.updated")))
    assert [event.suggestible for event in told] == [True, False, False]
    assert before.version == told[0].version < told[1].version < told[2].version


@pytest.mark.parametrize("language", ["", "e", "en_GB", "en-", "en\n", "x" * 9, "en-" + "a-" * 20 + "a"])
async def test_a_language_is_a_tag(house: UserHouse, language: str) -> None:
    (ada,) = await house.opened("ada")
    with house.neighbourhood.as_user(ada), pytest.raises(InvalidArgument) as refusal:
        await house.stub.UpdateSettings(pb.UpdateSettingsRequest(language=language))
    assert refusal.value.field == "language"
