"""Shares: one a person and post, with a few words."""

import asyncio

import pytest

from nova.api.social.v1.events_pb2 import ShareEvent
from nova.platform.errors import InvalidArgument
from tests.one_room import outbox_topics
from tests.unit.social.conftest import SocialHouse


async def test_a_share_is_counted_and_told_once(house: SocialHouse) -> None:
    post_id = house.post(house.ada)
    states = await asyncio.gather(*(house.share(house.kofi, post_id, "look") for _ in range(5)))
    assert {(state.share_count, state.viewer_has_shared) for state in states} == {(1, True)}
    assert await outbox_topics(house.database) == ["social.share.created"]
    assert not (await house.state(house.ada, post_id)).viewer_has_shared


async def test_taking_a_share_back_undoes_it(house: SocialHouse) -> None:
    post_id = house.post(house.ada)
    await house.share(house.kofi, post_id)
    house.clock.advance(60)
    for _ in range(2):
        state = await house.unshare(house.kofi, post_id)
        assert (state.share_count, state.viewer_has_shared) == (0, False)
    assert await outbox_topics(house.database) == ["social.share.created", "social.share.deleted"]
    (created,) = map(ShareEvent.FromString, await house.events("social.share.created"))
    (deleted,) = map(ShareEvent.FromString, await house.events("social.share.deleted"))
    assert deleted.reacted_at == created.reacted_at == created.occurred_at


async def test_r8_its_words_obey_the_rules(house: SocialHouse) -> None:
    post_id = house.post(house.ada)
    for text in ("x" * 501, "a\u202eb", "a\0b"):
        with pytest.raises(InvalidArgument) as refusal:
            await house.share(house.kofi, post_id, text)
        assert refusal.value.field == "text"
    assert (await house.share(house.kofi, post_id, "早" * 500)).share_count == 1
