"""Stories: publish, take back, watch. They expire by themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nova.platform.auth.actor import Actor
from nova.platform.clock import Clock
from nova.platform.ids import uuid7
from nova.policy import rules
from nova.policy.visibility import Audience, Surface
from nova.services.content import events
from nova.services.content.model import (
    STORIES_MOST,
    STORY_LIFETIME,
    MediaLink,
    Story,
    StoryId,
    StoryNotFound,
    TooManyStories,
    UserId,
)
from nova.services.content.service.posts import checked_media
from nova.services.content.service.sight import Sight
from nova.services.content.store.stories import StoryStore
from nova.services.content.store.tx import ContentWriter

SWEPT_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenStory:
    """A story, and whether the caller has seen it."""

    story: Story
    seen: bool


class Stories:
    """The verbs of stories."""

    def __init__(self, *, writer: ContentWriter, store: StoryStore, sight: Sight, clock: Clock) -> None:
        self._writer = writer
        self._store = store
        self._sight = sight
        self._clock = clock

    async def create(
        self, actor: Actor, *, media: MediaLink, caption: str, audience: Audience, chosen: Sequence[UserId]
    ) -> SeenStory:
        """Publish a story for 24 hours. Raises `TooManyStories` for one more than may be live at a time."""
        actor.require("content:create")
        people = rules.chosen(chosen, wanted=audience is Audience.CHOSEN)
        now = self._clock.now()
        story = Story(
            story_id=StoryId(uuid7()),
            author_id=UserId(actor.user_id),
            media=checked_media([media])[0],
            caption=rules.caption(caption),
            audience=audience,
            created_at=now,
            expires_at=now + STORY_LIFETIME,
        )
        async with self._writer.transaction() as tx:
            if await tx.hold_live_stories(story.author_id, now) >= STORIES_MOST:
                raise TooManyStories
            await tx.add_story(story, people)
            tx.emit(events.story_created(story))
            return tx.answer(SeenStory(story=story, seen=False))

    async def delete(self, actor: Actor, story_id: StoryId) -> None:
        """Take an own story back or, with content:delete:any, anybody's: one that the caller may not see too."""
        actor.require("content:delete:own")
        now = self._clock.now()
        story = (await self._store.get([story_id], now=now)).get(story_id)
        if story is None or (story.author_id != actor.user_id and not actor.may("content:delete:any")):
            raise StoryNotFound
        async with self._writer.transaction() as tx:
            if await tx.delete_story(story_id):
                tx.emit(events.story_deleted(story, UserId(actor.user_id), now))
            tx.answer(None)

    async def view(self, actor: Actor, story_id: StoryId) -> SeenStory:
        """Note that the caller saw a story."""
        found = await self.get(actor, [story_id])
        if not found:
            raise StoryNotFound
        async with self._writer.transaction() as tx:
            await tx.add_story_view(story_id, UserId(actor.user_id), self._clock.now())
            return tx.answer(SeenStory(story=found[0].story, seen=True))

    async def get(self, actor: Actor, story_ids: Sequence[StoryId]) -> list[SeenStory]:
        """Return the live stories that the caller may see, in the order asked."""
        actor.require("content:read")
        return await self._in_view(actor, await self._store.get(story_ids, now=self._clock.now()))

    async def by_authors(
        self, actor: Actor, author_ids: Sequence[UserId], *, newest: int = STORIES_MOST
    ) -> list[SeenStory]:
        """Return the `newest` live stories of each author, in the order asked, oldest first within one."""
        actor.require("content:read")
        stories = await self._store.by_authors(author_ids, now=self._clock.now())
        seen = await self._in_view(actor, {story.story_id: story for story in stories}, Surface.LISTS)
        by_author: dict[UserId, list[SeenStory]] = {author_id: [] for author_id in author_ids}
        for entry in sorted(seen, key=lambda entry: entry.story.story_id):
            by_author[entry.story.author_id].append(entry)
        return [entry for stories_of_one in by_author.values() for entry in stories_of_one[-newest:]]

    async def sweep(self) -> int:
        """Delete stories that have expired, a batch at a time; return how many."""
        swept = 0
        while True:
            async with self._writer.transaction() as tx:
                batch = await tx.sweep_stories(self._clock.now(), limit=SWEPT_AT_ONCE)
            swept += batch
            if batch < SWEPT_AT_ONCE:
                return swept

    async def _in_view(
        self, actor: Actor, stories: Mapping[StoryId, Story], surface: Surface = Surface.POST
    ) -> list[SeenStory]:
        viewer_id = UserId(actor.user_id)
        visible = await self._sight.visible(
            stories, lambda limited: self._store.chosen(viewer_id, limited), surface
        )
        seen = await self._store.seen(viewer_id, list(visible)) if visible else frozenset()
        return [SeenStory(story=story, seen=story_id in seen) for story_id, story in visible.items()]
