"""Writing posts: publish, edit, delete."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nova.platform.auth.actor import Actor
from nova.platform.clock import Clock
from nova.platform.errors import Forbidden
from nova.platform.ids import uuid7
from nova.policy import rules
from nova.policy.visibility import Audience
from nova.services.content import events
from nova.services.content.model import (
    ContentType,
    EmptyPost,
    MediaLink,
    MediaMissing,
    Post,
    PostId,
    PostNotFound,
    UserId,
)
from nova.services.content.service.reading import Reading
from nova.services.content.store.tx import ContentWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What someone wants to publish, as it came in. `chosen` goes with `Audience.CHOSEN` only."""

    caption: str
    content_type: ContentType
    tags: Sequence[str] = ()
    media: Sequence[MediaLink] = ()
    audience: Audience = Audience.EVERYONE
    chosen: Sequence[UserId] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What shall become different; None leaves it as it is."""

    caption: str | None = None
    tags: Sequence[str] | None = None
    audience: Audience | None = None
    chosen: Sequence[UserId] = ()


class Posts:
    """The verbs that change posts."""

    def __init__(self, *, writer: ContentWriter, reading: Reading, clock: Clock) -> None:
        self._writer = writer
        self._reading = reading
        self._clock = clock

    async def create(self, actor: Actor, draft: Draft) -> Post:
        """Publish a post."""
        actor.require("content:create")
        chosen = rules.chosen(draft.chosen, wanted=draft.audience is Audience.CHOSEN)
        post = Post(
            post_id=PostId(uuid7()),
            author_id=UserId(actor.user_id),
            caption=rules.caption(draft.caption),
            content_type=draft.content_type,
            tags=rules.tags(draft.tags),
            media=checked_media(draft.media),
            audience=draft.audience,
            created_at=self._clock.now(),
        )
        if post.content_type is not ContentType.TEXT and not post.media:
            raise MediaMissing(field="media_urls")
        if not post.caption.strip() and not post.media:
            raise EmptyPost(field="caption")
        async with self._writer.transaction() as tx:
            await tx.add_posts([post])
            if chosen:
                await tx.set_audience(post.post_id, chosen)
            tx.emit(events.post_created(post))
            return tx.answer(post)

    async def edit(self, actor: Actor, post_id: PostId, changes: Changes) -> Post:
        """Change an own post and keep what it was. Changing nothing is no edit."""
        actor.require("content:edit:own")
        await self._own(actor, post_id)
        async with self._writer.transaction() as tx:
            was = await tx.lock_post(post_id)
            if was is None:
                raise PostNotFound
            becomes = self._changed(was, changes)
            chosen = rules.chosen(changes.chosen, wanted=changes.audience is Audience.CHOSEN)
            if becomes != was or chosen:
                becomes = replace(becomes, edited_at=self._clock.now(), version=was.version + 1)
                await tx.replace_post(was, becomes)
                if changes.audience is not None:
                    await tx.set_audience(post_id, chosen)
                tx.emit(events.post_updated(becomes))
            return tx.answer(becomes)

    async def delete(self, actor: Actor, post_id: PostId) -> None:
        """Delete an own post or, with content:delete:any, anybody's: one that the caller may not see too."""
        found = await self._reading.to_delete(actor, [post_id], past_sight="content:delete:any")
        if not found:
            raise PostNotFound
        post = found[0]
        actor.require("content:delete:own" if post.author_id == actor.user_id else "content:delete:any")
        deleted_at = self._clock.now()
        async with self._writer.transaction() as tx:
            if await tx.delete_post(post_id, deleted_at):
                tx.emit(events.post_deleted(post, UserId(actor.user_id), deleted_at))
            tx.answer(None)

    async def _visible(self, actor: Actor, post_id: PostId) -> Post:
        found = await self._reading.get(actor, [post_id])
        if not found:
            raise PostNotFound
        return found[0]

    async def _own(self, actor: Actor, post_id: PostId) -> None:
        if (await self._visible(actor, post_id)).author_id != actor.user_id:
            raise Forbidden("Only its author may edit a post.")

    @staticmethod
    def _changed(was: Post, changes: Changes) -> Post:
        becomes = replace(
            was,
            caption=was.caption if changes.caption is None else rules.caption(changes.caption),
            tags=was.tags if changes.tags is None else rules.tags(changes.tags),
            audience=changes.audience or was.audience,
        )
        if not becomes.caption.strip() and not becomes.media:
            raise EmptyPost(field="caption")
        return becomes


def checked_media(links: Sequence[MediaLink]) -> tuple[MediaLink, ...]:
    """Return the links of a post, with the rules of media URLs and alternative texts held."""
    urls = rules.media_urls([link.url for link in links])
    return tuple(
        replace(
            link,
            url=url,
            alt_text=rules.text(link.alt_text, field="alt_text", most=rules.ALT_TEXT_MOST),
            width=max(link.width, 0),
            height=max(link.height, 0),
        )
        for link, url in zip(links, urls, strict=True)
    )
