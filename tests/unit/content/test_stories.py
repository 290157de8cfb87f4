"""Stories live for a day, are seen once, and leave no trace."""

import asyncio
from uuid import UUID

import pytest

from nova.api.content.v1 import content_pb2 as pb
from nova.api.content.v1.events_pb2 import StoryEvent
from nova.platform.errors import FailedPrecondition, InvalidArgument, NotFound
from nova.policy.permissions import MEMBER_PERMISSIONS
from nova.policy.relations import Relation
from nova.services.content.model import STORIES_MOST
from tests.one_room import outbox_topics
from tests.unit.content.conftest import ContentHouse

DAY_S = 24 * 3600


async def publish(house: ContentHouse, author: UUID, **more: object) -> pb.Story:
    media = pb.MediaLink(url="https://example.org/story.jpg")
    with house.neighbourhood.as_user(author):
        return (await house.stub.CreateStory(pb.CreateStoryRequest(media=media, **more))).story  # type: ignore[arg-type] # fields by name


async def listed(house: ContentHouse, viewer: UUID, author: UUID) -> list[pb.Story]:
    with house.neighbourhood.as_user(viewer):
        return list((await house.stub.ListStories(pb.ListStoriesRequest(author_ids=[author.bytes]))).stories)


async def test_a_story_expires_after_a_day(house: ContentHouse) -> None:
    first = await publish(house, house.ada)
    house.clock.advance(10)
    second = await publish(house, house.ada, caption="later")
    assert [story.story_id for story in await listed(house, house.kofi, house.ada)] == [
        first.story_id,
        second.story_id,
    ]
    house.clock.advance(DAY_S - 10)
    assert [story.story_id for story in await listed(house, house.kofi, house.ada)] == [second.story_id]
    house.clock.advance(10)
    assert await listed(house, house.kofi, house.ada) == []
    assert await house.stories.sweep() == 2
    assert await house.database.primary.fetchval("SELECT count(*) FROM stories") == 0


async def test_seen_is_seen(house: ContentHouse) -> None:
    story = await publish(house, house.ada)
    with house.neighbourhood.as_user(house.kofi):
        for _ in range(2):
            viewed = await house.stub.ViewStory(pb.ViewStoryRequest(story_id=story.story_id))
            assert viewed.story.viewer_has_seen
    assert [seen.viewer_has_seen for seen in await listed(house, house.kofi, house.ada)] == [True]
    assert [seen.viewer_has_seen for seen in await listed(house, house.ada, house.ada)] == [False]


@pytest.mark.parametrize(
    ("relation", "seen"),
    [
        (Relation.NONE, 1),
        (Relation.FOLLOWS, 2),
        (Relation.PRIVATE, 0),
        (Relation.PRIVATE | Relation.FOLLOWS, 2),
        (Relation.BLOCKED_BY, 0),
    ],
)
async def test_a2_stories_obey_audiences_and_blocks(
    house: ContentHouse, relation: Relation, seen: int
) -> None:
    stories = [
        await publish(house, house.ada, audience=audience)
        for audience in (pb.AUDIENCE_EVERYONE, pb.AUDIENCE_FOLLOWERS)
    ]
    house.graph.set(house.kofi, house.ada, relation)
    assert await listed(house, house.kofi, house.ada) == stories[:seen]
    with house.neighbourhood.as_user(house.kofi):
        for story in stories[seen:]:
            with pytest.raises(NotFound):
                await house.stub.ViewStory(pb.ViewStoryRequest(story_id=story.story_id))


async def test_the_author_takes_a_story_back_and_others_cannot(house: ContentHouse) -> None:
    story = await publish(house, house.ada)
    with house.neighbourhood.as_user(house.kofi), pytest.raises(NotFound):
        await house.stub.DeleteStory(pb.DeleteStoryRequest(story_id=story.story_id))
    with house.neighbourhood.as_user(house.ada):
        await house.stub.DeleteStory(pb.DeleteStoryRequest(story_id=story.story_id))
        assert not (await house.stub.GetStories(pb.GetStoriesRequest(story_ids=[story.story_id]))).stories
    assert await outbox_topics(house.database) == ["content.story.created", "content.story.deleted"]


async def test_a_deletion_repeated_under_its_key_gives_the_first_answer(house: ContentHouse) -> None:
    request = pb.DeleteStoryRequest(story_id=(await publish(house, house.ada)).story_id)
    with house.neighbourhood.as_user(house.ada, key="key-1"):
        for _ in range(2):
            await house.stub.DeleteStory(request)
    with house.neighbourhood.as_user(house.ada, key="key-2"), pytest.raises(NotFound):
        await house.stub.DeleteStory(request)


@pytest.mark.parametrize("relation", [Relation.BLOCKED_BY, Relation.PRIVATE, Relation.NONE])
async def test_d1_a_moderator_deletes_a_story_that_he_may_not_see(
    house: ContentHouse, relation: Relation
) -> None:
    story = await publish(house, house.ada, audience=pb.AUDIENCE_FOLLOWERS)
    house.graph.set(house.kofi, house.ada, relation)
    request = pb.DeleteStoryRequest(story_id=story.story_id)
    moderator = MEMBER_PERMISSIONS | {"content:delete:any"}
    with house.neighbourhood.as_user(house.kofi), pytest.raises(NotFound):
        await house.stub.DeleteStory(request)
    with house.neighbourhood.as_user(house.kofi, permissions=moderator, key="key-1"):
        with pytest.raises(NotFound):
            await house.stub.ViewStory(pb.ViewStoryRequest(story_id=story.story_id))
        for _ in range(2):
            await house.stub.DeleteStory(request)
    assert await listed(house, house.ada, house.ada) == []
    rows = await house.database.primary.fetch(
        "SELECT payload FROM outbox WHERE topic = 'content.story.deleted'"
    )
    (event,) = [StoryEvent.FromString(row["payload"]) for row in rows]
    assert (event.user_id, event.actor_id) == (house.ada.bytes, house.kofi.bytes)


async def test_a_person_has_at_most_a_hundred_live_stories_and_all_can_be_listed(house: ContentHouse) -> None:
    made = [await publish(house, house.ada) for _ in range(STORIES_MOST - 1)]
    outcomes = await asyncio.gather(
        *(publish(house, house.ada, caption=f"{number}") for number in range(5)), return_exceptions=True
    )
    refused = [one for one in outcomes if isinstance(one, FailedPrecondition)]
    assert [one.reason for one in refused] == ["TOO_MANY_STORIES"] * 4
    assert len(await listed(house, house.kofi, house.ada)) == STORIES_MOST == 100
    await publish(house, house.kofi)  # each person has his own hundred
    with house.neighbourhood.as_user(house.ada):
        newest = await house.stub.ListStories(
            pb.ListStoriesRequest(author_ids=[house.ada.bytes], page_size=2)
        )
        assert list(newest.stories) == (await listed(house, house.ada, house.ada))[-2:]
        for wrong in (-1, STORIES_MOST + 1):
            with pytest.raises(InvalidArgument):
                await house.stub.ListStories(
                    pb.ListStoriesRequest(author_ids=[house.ada.bytes], page_size=wrong)
                )
        await house.stub.DeleteStory(pb.DeleteStoryRequest(story_id=made[0].story_id))
    await publish(house, house.ada)
    house.clock.advance(DAY_S)
    await publish(house, house.ada)
    assert len(await listed(house, house.kofi, house.ada)) == 1


async def test_a_story_needs_a_picture(house: ContentHouse) -> None:
    with house.neighbourhood.as_user(house.ada), pytest.raises(InvalidArgument) as refusal:
        await house.stub.CreateStory(pb.CreateStoryRequest(caption="no picture"))
    assert refusal.value.field == "media"
