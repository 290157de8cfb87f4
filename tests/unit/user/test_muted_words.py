"""Muted words: everyone's own, for good or until a moment; who reads them elsewhere forgets at once."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from nova.api.user.v1 import user_pb2 as pb
from nova.platform.errors import FailedPrecondition, Forbidden, InvalidArgument, NovaError
from nova.platform.rpc.validate import to_timestamp
from tests.one_room import outbox_topics
from tests.unit.user.conftest import UserHouse


async def mute(
    house: UserHouse, viewer: UUID, word: str, until: datetime | None = None, *, key: str | None = None
) -> pb.MutedWord:
    end = None if until is None else to_timestamp(until)
    with house.neighbourhood.as_user(viewer, key=key):
        return (await house.stub.MuteWord(pb.MuteWordRequest(word=word, until=end))).muted_word


async def unmute(house: UserHouse, viewer: UUID, word: str, *, key: str | None = None) -> str:
    with house.neighbourhood.as_user(viewer, key=key):
        return (await house.stub.UnmuteWord(pb.UnmuteWordRequest(word=word))).word


async def walk(house: UserHouse, viewer: UUID, page_size: int = 200) -> list[pb.MutedWord]:
    """Return all words that the viewer mutes, page by page."""
    found: list[pb.MutedWord] = []
    token = b""
    with house.neighbourhood.as_user(viewer):
        while True:
            page = await house.stub.ListMutedWords(
                pb.ListMutedWordsRequest(page_size=page_size, page_token=token)
            )
            found += [one.muted_word for one in page.words]
            token = page.next_page_token
            if not token:
                return found


async def muted(house: UserHouse, viewer: UUID) -> list[str]:
    return [one.word for one in await walk(house, viewer)]


async def test_a_word_is_kept_folded_and_is_only_ones_own(house: UserHouse) -> None:
    ada, kofi = await house.ada_and_kofi()
    kept = await mute(house, ada, " #Straße ")
    assert (kept.word, kept.HasField("until")) == ("strasse", False)
    assert kept.created_at.ToDatetime(tzinfo=UTC) == house.clock.now()
    assert await muted(house, ada) == ["strasse"]
    assert await muted(house, kofi) == []
    assert [topic for topic in await outbox_topics(house.database) if "word" in topic] == []


async def test_any_spelling_lifts_and_what_is_not_muted_changes_nothing(house: UserHouse) -> None:
    ada, kofi = await house.ada_and_kofi()
    await mute(house, ada, "Straße")
    assert await unmute(house, kofi, "strasse") == "strasse"
    assert await muted(house, ada) == ["strasse"]
    assert await unmute(house, ada, "#STRASSE") == "strasse"
    assert await unmute(house, ada, "#STRASSE") == "strasse"
    assert await muted(house, ada) == []


async def test_muting_again_moves_the_end_and_nothing_else(house: UserHouse) -> None:
    (ada,) = await house.opened("ada")
    first = await mute(house, ada, "war", house.clock.now() + timedelta(hours=1))
    house.clock.advance(60)
    again = await mute(house, ada, "WAR")
    assert again == pb.MutedWord(word="war", created_at=first.created_at)
    assert await walk(house, ada) == [again]


async def test_a_word_ends_by_itself_and_may_begin_anew(house: UserHouse) -> None:
    (ada,) = await house.opened("ada")
    until = house.clock.now() + timedelta(hours=1)
    first = await mute(house, ada, "war", until)
    assert first.until.ToDatetime(tzinfo=UTC) == until
    house.clock.advance(3600)
    assert await muted(house, ada) == []
    assert (await mute(house, ada, "war")).created_at != first.created_at


async def test_a_word_cannot_have_ended(house: UserHouse) -> None:
    (ada,) = await house.opened("ada")
    with pytest.raises(InvalidArgument) as refusal:
        await mute(house, ada, "war", house.clock.now())
    assert (refusal.value.reason, refusal.value.field) == ("MUTE_ENDED", "until")
    assert await muted(house, ada) == []


@pytest.mark.parametrize("word", ["", "#", "a\x00b", "字" * 101, "ﬁ" * 51])
async def test_q10_a_word_has_1_to_100_characters(house: UserHouse, word: str) -> None:
    (ada,) = await house.opened("ada")
    for verb in (mute, unmute):
        with pytest.raises(InvalidArgument) as refusal:
            await verb(house, ada, word)
        assert refusal.value.field == "word"
    assert await mute(house, ada, "字" * 100)


async def test_nobody_mutes_more_than_200_words_and_ended_ones_do_not_count(house: UserHouse) -> None:
    ada, kofi = await house.ada_and_kofi()
    await mute(house, ada, "soon over", house.clock.now() + timedelta(hours=1))
    for number in range(199):
        await mute(house, ada, f"word {number}")
    with pytest.raises(FailedPrecondition) as refusal:
        await mute(house, ada, "one more")
    assert (refusal.value.reason, refusal.value.field) == ("TOO_MANY_MUTED_WORDS", "word")
    assert await mute(house, ada, "word 7", house.clock.now() + timedelta(days=1))
    assert await mute(house, kofi, "one more")
    house.clock.advance(3600)
    assert await mute(house, ada, "one more")
    assert len(await muted(house, ada)) == 200


async def test_words_at_once_cannot_both_be_the_last(house: UserHouse) -> None:
    (ada,) = await house.opened("ada")
    for number in range(198):
        await mute(house, ada, f"word {number}")
    outcomes = await asyncio.gather(
        *(mute(house, ada, f"at once {number}") for number in range(6)), return_exceptions=True
    )
    assert sum(isinstance(one, pb.MutedWord) for one in outcomes) == 2
    refused = [one.reason for one in outcomes if isinstance(one, NovaError)]
    assert refused == ["TOO_MANY_MUTED_WORDS"] * 4
    assert len(await muted(house, ada)) == 200


@pytest.mark.parametrize("page_size", [1, 3, 200])
async def test_a_walk_meets_each_word_once_newest_first(house: UserHouse, page_size: int) -> None:
    (ada,) = await house.opened("ada")
    for number in range(7):
        await mute(house, ada, f"word {number}")
        # Several in one moment: the word decides between them.
        house.clock.advance(number % 2)
    words = await walk(house, ada, page_size)
    keys = [(one.created_at.ToDatetime(), one.word) for one in words]
    assert keys == sorted(keys, reverse=True)
    assert {one.word for one in words} == {f"word {number}" for number in range(7)}


@pytest.mark.parametrize("token", [b"x", b"\x7f" + b"\xff" * 7, bytes(8) + b"\xff", bytes(8) + b"x" * 101])
async def test_foreign_page_tokens_are_refused(house: UserHouse, token: bytes) -> None:
    (ada,) = await house.opened("ada")
    with house.neighbourhood.as_user(ada), pytest.raises(InvalidArgument) as refusal:
        await house.stub.ListMutedWords(pb.ListMutedWordsRequest(page_token=token))
    assert refusal.value.field == "page_token"


async def test_a_repeated_call_gets_its_first_answer(house: UserHouse) -> None:
    (ada,) = await house.opened("ada")
    until = house.clock.now() + timedelta(seconds=5)
    first = await mute(house, ada, "war", until, key="mute")
    assert await unmute(house, ada, "war", key="unmute") == "war"
    house.clock.advance(10)
    assert await mute(house, ada, "war", until, key="mute") == first
    await mute(house, ada, "war")
    assert await unmute(house, ada, "war", key="unmute") == "war"
    assert await muted(house, ada) == ["war"]


async def test_only_who_may_write_his_profile_mutes(house: UserHouse) -> None:
    (ada,) = await house.opened("ada")
    with house.neighbourhood.as_user(ada, permissions={"profile:read"}), pytest.raises(Forbidden):
        await house.stub.MuteWord(pb.MuteWordRequest(word="war"))
    with house.neighbourhood.as_user(ada, permissions=()), pytest.raises(Forbidden):
        await house.stub.ListMutedWords(pb.ListMutedWordsRequest())


async def test_copies_elsewhere_are_forgotten_before_the_answer_comes(house: UserHouse) -> None:
    (ada,) = await house.opened("ada")

    async def load(_key: bytes) -> pb.ListMutedWordsResponse:
        with house.neighbourhood.as_user(ada):
            return await house.stub.ListMutedWords(pb.ListMutedWordsRequest(page_size=200))

    async def read() -> list[str]:
        copy = await house.words.get(ada.bytes, load)
        return [one.muted_word.word for one in copy.words] if copy else []

    assert await read() == []
    await mute(house, ada, "war")
    assert await read() == ["war"]
    await unmute(house, ada, "war")
    assert await read() == []


async def test_words_go_with_the_profile(house: UserHouse) -> None:
    ada, kofi = await house.ada_and_kofi()
    await mute(house, ada, "war")
    await mute(house, kofi, "war")
    await house.database.primary.fetch("DELETE FROM profiles WHERE user_id = $1", ada)
    left = await house.database.primary.fetch("SELECT user_id FROM muted_words")
    assert [row["user_id"] for row in left] == [kofi]
