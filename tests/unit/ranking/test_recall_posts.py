"""The postings that ranking recalls from."""

import asyncio
from collections.abc import AsyncIterator
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nova.api.content.v1.content_pb2 import Audience
from nova.api.content.v1.events_pb2 import PostCreatedEvent, PostDeletedEvent, PostUpdatedEvent
from nova.platform.events import Received
from nova.platform.ids import uuid7
from nova.services.ranking import events
from nova.services.ranking.consumers import Postings
from nova.services.ranking.store import EVERYONE, PostIndex, Posting
from tests.unit.ranking.known import NOW, index_of, person, post_id, posting


class NoPosts:
    """Plays a content without posts."""

    async def pages(self) -> AsyncIterator[list[Posting]]:
        for page in list[list[Posting]]():
            yield page


FRIEND, STRANGER = person(1), person(2)
FOLLOWERS = 2


def tagged(index: PostIndex, *tags: str) -> list[bytes]:
    packed, _ = index.of_tags(tags, want=10)
    return [packed[at : at + 16] for at in range(0, len(packed), 16)]


def test_putting_again_changes_nothing() -> None:
    one = posting(post_id(1), FRIEND, tags=["tea"])
    index = index_of(one, one)
    index.put([one])
    assert len(index) == 1
    assert tagged(index, "TEA") == [post_id(1)]


def test_an_edit_moves_a_post_to_its_new_tags_and_audience() -> None:
    index = index_of(posting(post_id(1), FRIEND, tags=["tea", "cups"]))
    index.put([posting(post_id(1), FRIEND, tags=["coffee"])])
    assert (tagged(index, "tea"), tagged(index, "coffee")) == ([], [post_id(1)])
    index.put([posting(post_id(1), FRIEND, tags=["coffee"], audience=FOLLOWERS)])
    assert tagged(index, "coffee") == []
    assert index.newest(want=5).ids == b""
    assert index.of_authors(FRIEND.bytes, want=5).ids == post_id(1)


def test_what_is_removed_is_found_nowhere_and_may_be_removed_twice() -> None:
    index = index_of(posting(post_id(1), FRIEND, tags=["tea"]), posting(post_id(2), STRANGER))
    for _ in range(2):
        index.remove([(post_id(1), FRIEND.bytes)])
    assert tagged(index, "tea") == []
    assert index.newest(want=5).ids == post_id(2)


def test_a_post_with_two_liked_tags_comes_once_with_its_author() -> None:
    index = index_of(posting(post_id(1), FRIEND, tags=["tea", "cups"]))
    assert index.of_tags(["tea", "cups"], want=10) == (post_id(1), FRIEND.bytes)


lives = st.lists(
    st.tuples(
        st.lists(
            st.tuples(
                st.lists(st.sampled_from(["tea", "cups"]), unique=True),
                st.sampled_from([EVERYONE, FOLLOWERS]),
            ),
            min_size=1,
            max_size=4,
        ),
        st.booleans(),
    ),
    min_size=1,
    max_size=3,
)


def told(lives: list[tuple[list[tuple[list[str], int]], bool]]) -> list[Received[Any]]:
    """Return the events of posts: made, edited, and some deleted."""
    values: list[tuple[str, Any]] = []
    for number, (versions, deleted) in enumerate(lives):
        mine: dict[str, Any] = {"post_id": post_id(number), "user_id": FRIEND.bytes}
        for version, (tags, value) in enumerate(versions, 1):
            audience = Audience.ValueType(value)
            if version == 1:
                values.append(
                    (events.POST_CREATED.name, PostCreatedEvent(**mine, tags=tags, audience=audience))
                )
                continue
            updated = PostUpdatedEvent(**mine, tags=tags, audience=audience, version=version)
            values.append((events.POST_UPDATED.name, updated))
        if deleted:
            values.append((events.POST_DELETED.name, PostDeletedEvent(**mine)))
    return [
        Received(id=uuid7(), topic=topic, key=FRIEND.bytes, value=value, emitted_at=NOW, headers={})
        for topic, value in values
    ]


@given(lives, st.integers(0, 2**32), st.integers(1, 4))
def test_x2_posts_told_in_any_order_and_twice_end_as_they_are(
    happened: list[tuple[list[tuple[list[str], int]], bool]], seed: int, most: int
) -> None:
    index, chance, all_told = PostIndex(), Random(seed), told(happened)
    postings = Postings(index, content=NoPosts())
    handlers: dict[str, Any] = {
        events.POST_CREATED.name: postings.created,
        events.POST_UPDATED.name: postings.updated,
        events.POST_DELETED.name: postings.deleted,
    }

    async def deliver() -> None:
        delivered = chance.sample(all_told * 2, 2 * len(all_told))
        while delivered:
            run = [event for event in delivered[:most] if event.topic == delivered[0].topic]
            delivered = [event for event in delivered if not any(event is one for one in run)]
            await handlers[run[0].topic](run)

    asyncio.run(deliver())
    truth = index_of(
        *(
            posting(post_id(number), FRIEND, tags=versions[-1][0], audience=versions[-1][1])
            for number, (versions, deleted) in enumerate(happened)
            if not deleted
        )
    )
    assert index.content_hash() == truth.content_hash()
    assert tagged(index, "tea") == tagged(truth, "tea")


async def test_what_content_no_longer_holds_is_gone_after_a_load() -> None:
    index = index_of(posting(post_id(1), FRIEND, tags=["tea"]))
    await Postings(index, content=NoPosts()).load()
    assert len(index) == 0
    assert tagged(index, "tea") == []
