"""What authors do: publish, edit and delete posts and stories."""

from collections.abc import Sequence
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import strawberry

from nova.api.content.v1 import content_pb2
from nova.gateway.context import Info
from nova.gateway.global_ids import Kind, bytes_of
from nova.gateway.schema.calls import changing, returning_authored, returning_own_post
from nova.gateway.schema.content import (
    Audience,
    ContentType,
    MediaKind,
    Post,
    Story,
    Wanted,
    show_posts,
    show_stories,
)
from nova.gateway.schema.mutations import MutationInput, Payload, mutation
from nova.policy import rules

_KINDS = {
    "mp4": MediaKind.VIDEO, "webm": MediaKind.VIDEO, "mov": MediaKind.VIDEO, "m3u8": MediaKind.VIDEO,
    "mp3": MediaKind.AUDIO, "m4a": MediaKind.AUDIO, "ogg": MediaKind.AUDIO, "wav": MediaKind.AUDIO,
}  # fmt: skip


@strawberry.input
class CreatePostInput(MutationInput):
    """A new post."""

    caption: str = strawberry.field(default="", description="At most 2000 characters.")
    content_type: ContentType | None = strawberry.field(
        default=strawberry.UNSET, description="By the media, where it is not said."
    )
    media_urls: list[str] = strawberry.field(
        default_factory=list, description="At most 10: http or https URLs, or paths under /media/."
    )
    tags: list[str] = strawberry.field(
        default_factory=list, description="At most 30, each of letters a-z, digits and underscores."
    )
    audience: Audience = Audience.EVERYONE
    audience_user_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="For CHOSEN: 1 to 500 people."
    )


@strawberry.type
class CreatePostPayload(Payload):
    """The post."""

    post: Post | None = None


@strawberry.input
class EditPostInput(MutationInput):
    """What shall change; the rest stays as it is."""

    post_id: strawberry.ID
    caption: str | None = strawberry.UNSET
    tags: list[str] | None = strawberry.UNSET
    audience: Audience | None = strawberry.UNSET
    audience_user_ids: list[strawberry.ID] = strawberry.field(default_factory=list)


@strawberry.type
class EditPostPayload(Payload):
    """The post after it."""

    post: Post | None = None


@strawberry.input
class DeletePostInput(MutationInput):
    """Which post."""

    post_id: strawberry.ID


@strawberry.type
class DeletePostPayload(Payload):
    """The id of what is gone."""

    deleted_post_id: strawberry.ID | None = None


@strawberry.input
class CreateStoryInput(MutationInput):
    """A new story; it expires after a day."""

    media_url: str
    caption: str = ""
    audience: Audience = Audience.EVERYONE
    audience_user_ids: list[strawberry.ID] = strawberry.field(default_factory=list)


@strawberry.type
class CreateStoryPayload(Payload):
    """The story."""

    story: Story | None = None


@strawberry.input
class DeleteStoryInput(MutationInput):
    """Which story."""

    story_id: strawberry.ID


@strawberry.type
class DeleteStoryPayload(Payload):
    """The id of what is gone."""

    deleted_story_id: strawberry.ID | None = None


@strawberry.input
class ViewStoryInput(MutationInput):
    """Which story."""

    story_id: strawberry.ID


@strawberry.type
class ViewStoryPayload(Payload):
    """The story, now seen."""

    story: Story | None = None


@strawberry.type
class ContentMutations:
    """What authors do."""

    @mutation("Publishes a post.", returning_own_post("content.CreatePost"))
    async def create_post(self, info: Info, input: CreatePostInput) -> CreatePostPayload:  # noqa: A002 - the contract's name
        """Publish a post."""
        context = info.context
        urls = rules.media_urls(input.media_urls)
        content_type = input.content_type or _content_type(urls)
        request = content_pb2.CreatePostRequest(
            caption=rules.caption(input.caption),
            content_type=content_pb2.ContentType.ValueType(content_type.value),
            tags=rules.tags(input.tags),
            media=[_link(url, content_type) for url in urls],
            audience=content_pb2.Audience.ValueType(input.audience.value),
            audience_user_ids=_chosen(input.audience, input.audience_user_ids),
        )
        answer = await context.change(context.rooms.content.CreatePost, request, key=input.idempotency_key)
        return CreatePostPayload(post=await _post_after(info, answer.post))

    @mutation("Changes an own post and keeps what it was.", returning_own_post("content.EditPost"))
    async def edit_post(self, info: Info, input: EditPostInput) -> EditPostPayload:  # noqa: A002 - as above
        """Change a post."""
        context = info.context
        request = content_pb2.EditPostRequest(post_id=bytes_of(input.post_id, Kind.POST))
        if isinstance(input.caption, str):
            request.caption = rules.caption(input.caption)
        if isinstance(input.tags, list):
            request.tags.CopyFrom(content_pb2.TagList(tags=rules.tags(input.tags)))
        request.audience_user_ids.extend(_chosen(input.audience or None, input.audience_user_ids))
        if input.audience:
            request.audience = content_pb2.Audience.ValueType(input.audience.value)
        answer = await context.change(context.rooms.content.EditPost, request, key=input.idempotency_key)
        return EditPostPayload(post=await _post_after(info, answer.post))

    @mutation("Deletes a post.", changing("content.DeletePost"))
    async def delete_post(self, info: Info, input: DeletePostInput) -> DeletePostPayload:  # noqa: A002 - as above
        """Delete a post."""
        context = info.context
        request = content_pb2.DeletePostRequest(post_id=bytes_of(input.post_id, Kind.POST))
        await context.change(context.rooms.content.DeletePost, request, key=input.idempotency_key)
        return DeletePostPayload(deleted_post_id=input.post_id)

    @mutation("Publishes a story.", returning_authored("content.CreateStory", "story"))
    async def create_story(self, info: Info, input: CreateStoryInput) -> CreateStoryPayload:  # noqa: A002 - as above
        """Publish a story."""
        context = info.context
        url = rules.media_url(input.media_url)
        request = content_pb2.CreateStoryRequest(
            media=_link(url, ContentType.IMAGE),
            caption=rules.caption(input.caption),
            audience=content_pb2.Audience.ValueType(input.audience.value),
            audience_user_ids=_chosen(input.audience, input.audience_user_ids),
        )
        answer = await context.change(context.rooms.content.CreateStory, request, key=input.idempotency_key)
        return CreateStoryPayload(story=await _story_after(info, answer.story))

    @mutation("Deletes an own story.", changing("content.DeleteStory"))
    async def delete_story(self, info: Info, input: DeleteStoryInput) -> DeleteStoryPayload:  # noqa: A002 - as above
        """Delete a story."""
        context = info.context
        request = content_pb2.DeleteStoryRequest(story_id=bytes_of(input.story_id, Kind.STORY))
        await context.change(context.rooms.content.DeleteStory, request, key=input.idempotency_key)
        return DeleteStoryPayload(deleted_story_id=input.story_id)

    @mutation("Marks a story as seen.", returning_authored("content.ViewStory", "story"))
    async def view_story(self, info: Info, input: ViewStoryInput) -> ViewStoryPayload:  # noqa: A002 - as above
        """Mark a story as seen."""
        context = info.context
        request = content_pb2.ViewStoryRequest(story_id=bytes_of(input.story_id, Kind.STORY))
        answer = await context.change(context.rooms.content.ViewStory, request, key=input.idempotency_key)
        return ViewStoryPayload(story=await _story_after(info, answer.story))


async def _post_after(info: Info, source: content_pb2.Post) -> Post | None:
    (post,) = await show_posts(info.context, [source], Wanted.below(info, "post"))
    return post


async def _story_after(info: Info, source: content_pb2.Story) -> Story | None:
    (story,) = await show_stories(info.context, [source], authors=info.asks("story", "author"))
    return story


def _chosen(audience: Audience | None, user_ids: Sequence[strawberry.ID]) -> list[bytes]:
    people = rules.chosen(user_ids, wanted=audience is Audience.CHOSEN)
    return [bytes_of(user_id, Kind.USER) for user_id in people]


def _content_type(urls: Sequence[str]) -> ContentType:
    """Return what a post mainly is, where its author does not say."""
    if len(urls) > 1:
        return ContentType.CAROUSEL
    if not urls:
        return ContentType.TEXT
    return ContentType.VIDEO if _kind(urls[0]) is MediaKind.VIDEO else ContentType.IMAGE


def _link(url: str, content_type: ContentType) -> content_pb2.MediaLink:
    kind = _kind(url)
    if content_type is ContentType.VIDEO and kind is MediaKind.IMAGE:
        kind = MediaKind.VIDEO
    return content_pb2.MediaLink(url=url, kind=content_pb2.MediaKind.ValueType(kind.value))


def _kind(url: str) -> MediaKind:
    """Return the kind that the extension of a URL tells; a picture where it tells nothing."""
    return _KINDS.get(PurePosixPath(urlsplit(url).path).suffix.lower().lstrip("."), MediaKind.IMAGE)
