"""Posts, stories and their media."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import strawberry

from nova.api.content.v1 import content_pb2
from nova.api.social.v1 import social_pb2
from nova.gateway.connections import Connection, Found, first_or_default, found
from nova.gateway.context import Info, RequestContext
from nova.gateway.facts import Asked, Page, Rpc, Stage, facts, facts_by
from nova.gateway.global_ids import Kind, encode
from nova.gateway.schema.calls import asks_states, authored, listed, single
from nova.gateway.schema.fields import field
from nova.gateway.schema.node import Node
from nova.gateway.schema.user import User, load_users, user_page

if TYPE_CHECKING:
    from nova.gateway.schema.social import Comment


_NO_STATE = social_pb2.PostState()


@strawberry.enum(description="What a post mainly is.")
class ContentType(Enum):
    """As content's protobuf numbers it."""

    TEXT = content_pb2.CONTENT_TYPE_TEXT
    IMAGE = content_pb2.CONTENT_TYPE_IMAGE
    VIDEO = content_pb2.CONTENT_TYPE_VIDEO
    CAROUSEL = content_pb2.CONTENT_TYPE_CAROUSEL


@strawberry.enum(description="Whom the author meant it for.")
class Audience(Enum):
    """As content's protobuf numbers it."""

    EVERYONE = content_pb2.AUDIENCE_EVERYONE
    FOLLOWERS = content_pb2.AUDIENCE_FOLLOWERS
    CHOSEN = content_pb2.AUDIENCE_CHOSEN


@strawberry.enum
class MediaKind(Enum):
    """As content's protobuf numbers it."""

    IMAGE = content_pb2.MEDIA_KIND_IMAGE
    VIDEO = content_pb2.MEDIA_KIND_VIDEO
    AUDIO = content_pb2.MEDIA_KIND_AUDIO


@strawberry.enum
class MediaState(Enum):
    """Where a medium is on its way; a link is there from the start."""

    UPLOADING = "uploading"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


@strawberry.enum
class MediaVariant(Enum):
    """Which rendition of a medium."""

    FULL = "full"


@strawberry.type(description="A picture, a video or a sound.")
class Media(Node):
    """A medium of a post or of a story."""

    kind: MediaKind
    state: MediaState
    width: int | None = strawberry.field(description="In pixels.")
    height: int | None = strawberry.field(description="In pixels.")
    alt_text: str | None
    link: strawberry.Private[str]

    @classmethod
    def of(cls, link: content_pb2.MediaLink, media_id: str) -> "Media":
        """Return the entity of a link."""
        return cls(
            id=strawberry.ID(media_id),
            kind=MediaKind(link.kind),
            state=MediaState.READY,
            width=link.width or None,
            height=link.height or None,
            alt_text=link.alt_text or None,
            link=link.url,
        )

    @field(description="An absolute URL, or a path under /media/.")
    def url(self, variant: MediaVariant = MediaVariant.FULL) -> str | None:
        """Return where the rendition lies."""
        return self.link if variant is MediaVariant.FULL else None


@strawberry.type(description="What a post was, until it was edited.")
class PostEdit:
    """What a post was until a moment."""

    caption: str
    tags: list[str]
    replaced_at: datetime


def comment_stages(asked: Asked) -> Sequence[Stage]:
    """Return the stages of a connection of comments."""
    size = asked.size
    variant = f"{size}:{asked.arguments.get('after') or ''}"
    return [
        (Rpc("social.ListComments", variant=variant),),
        *authored(asked, "edges", "node", keys=size),
    ]


@strawberry.type(description="A post.")
class Post(Node):
    """A post that the viewer may see."""

    source: strawberry.Private[content_pb2.Post]
    author: User
    caption: str
    content_type: ContentType
    tags: list[str]
    media: list[Media] = strawberry.field(description="In the order of the post, ten at most.")
    created_at: datetime
    edited_at: datetime | None
    like_count: int = strawberry.field(description="As many as `likers` can show the viewer.")
    comment_count: int = strawberry.field(description="All that the viewer may see, replies included.")
    share_count: int
    viewer_has_liked: bool
    viewer_has_shared: bool

    @classmethod
    def of(
        cls, source: content_pb2.Post, author: User | None, state: social_pb2.PostState | None = None
    ) -> "Post":
        """Return the entity of a post.

        `author` may be None only where the document does not ask for him. Without a state (it is not asked
        for, or social does not answer) counts are 0 and flags false.
        """
        state = state or _NO_STATE
        return cls(
            id=strawberry.ID(encode(Kind.POST, source.post_id)),
            source=source,
            author=author,  # type: ignore[arg-type]  # never read when None: see above
            caption=source.caption,
            content_type=ContentType(source.content_type),
            tags=list(source.tags),
            media=[
                Media.of(link, encode(Kind.MEDIA, source.post_id, place))
                for place, link in enumerate(source.media)
            ],
            created_at=source.created_at.ToDatetime(tzinfo=UTC),
            edited_at=source.edited_at.ToDatetime(tzinfo=UTC) if source.HasField("edited_at") else None,
            like_count=state.like_count,
            comment_count=state.comment_count,
            share_count=state.share_count,
            viewer_has_liked=state.viewer_has_liked,
            viewer_has_shared=state.viewer_has_shared,
        )

    @field(
        description="The top level, oldest first; each comment has its `replies`.",
        metadata=facts_by(comment_stages, page=Page()),
    )
    async def comments(
        self, info: Info, first: int | None = strawberry.UNSET, after: str | None = strawberry.UNSET
    ) -> Connection[Annotated["Comment", strawberry.lazy("nova.gateway.schema.social")]]:
        """List the comments."""
        from nova.gateway.schema.social import thread_page  # noqa: PLC0415 - comments have posts: as above

        return await thread_page(info, self.source.post_id, first, after, replies=False)

    @field(
        description="Newest first, as far as the viewer may see.",
        metadata=facts_by(listed("social.ListLikers"), page=Page()),
    )
    async def likers(
        self, info: Info, first: int | None = strawberry.UNSET, after: str | None = strawberry.UNSET
    ) -> Connection[User]:
        """List who likes it."""
        post_id = self.source.post_id

        async def read(size: int, token: bytes) -> Found[bytes]:
            request = social_pb2.ListLikersRequest(post_id=post_id, page_size=size, page_token=token)
            answer = await info.context.list_or_nothing(
                "social", info.context.rooms.social.ListLikers, request, social_pb2.ListLikersResponse()
            )
            sources = [(edge.page_token, edge.user_id) for edge in answer.edges]
            return Found(sources, answer.next_page_token)

        return await user_page(info.context, f"post.likers:{post_id.hex()}", first, after, read)

    @field(
        description="What the post was before, newest first; only its author sees that.",
        metadata=facts((single("content.ListPostEdits"),), page=Page()),
    )
    async def edits(
        self, info: Info, first: int | None = strawberry.UNSET, after: str | None = strawberry.UNSET
    ) -> Connection[PostEdit] | None:
        """List the edits of an own post."""
        context, post_id = info.context, self.source.post_id
        if self.source.author_id != context.viewer.user_id.bytes:
            return None
        listing = context.listing(f"post.edits:{post_id.hex()}", after)
        request = content_pb2.ListPostEditsRequest(
            post_id=post_id, page_size=first_or_default(first), page_token=listing.token()
        )
        answer = await context.ask(context.rooms.content.ListPostEdits, request)
        page = found(answer.edits, lambda edit: edit.page_token, answer.next_page_token)
        return listing.page(
            page,
            lambda edit: PostEdit(
                caption=edit.caption,
                tags=list(edit.tags),
                replaced_at=edit.replaced_at.ToDatetime(tzinfo=UTC),
            ),
        )


@strawberry.type(description="A story: gone after a day.")
class Story(Node):
    """A story that the viewer may see."""

    author: User
    media: Media
    caption: str | None
    created_at: datetime
    expires_at: datetime
    viewer_has_seen: bool

    @classmethod
    def of(cls, source: content_pb2.Story, author: User | None) -> "Story":
        """Return the entity of a story; `author` as in `Post.of`."""
        return cls(
            id=strawberry.ID(encode(Kind.STORY, source.story_id)),
            author=author,  # type: ignore[arg-type]  # never read when None: see above
            media=Media.of(source.media, encode(Kind.STORY_MEDIA, source.story_id)),
            caption=source.caption or None,
            created_at=source.created_at.ToDatetime(tzinfo=UTC),
            expires_at=source.expires_at.ToDatetime(tzinfo=UTC),
            viewer_has_seen=source.viewer_has_seen,
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of posts a document asks for, beyond the posts themselves."""

    authors: bool
    states: bool

    @classmethod
    def below(cls, info: Info, *path: str) -> "Wanted":
        """Return what is asked for of the posts at `path` below a field."""
        return cls(authors=info.asks(*path, "author"), states=asks_states(info.asks, *path))


async def show_posts(
    context: RequestContext, sources: Sequence[content_pb2.Post | None], wanted: Wanted
) -> list[Post | None]:
    """Return posts with authors and states, where those are asked for; one without its author is left out."""
    readers, there = context.readers, [source for source in sources if source]
    if wanted.states:
        readers.states.want([source.post_id for source in there])
    authors = await load_authors(context, [source.author_id for source in there]) if wanted.authors else {}
    states = (
        await readers.states.load_many([source.post_id for source in there])
        if wanted.states
        else [None] * len(there)
    )
    shown: dict[bytes, Post] = {}
    for source, state in zip(there, states, strict=True):
        author = authors.get(source.author_id)
        if author is not None or not wanted.authors:
            shown[source.post_id] = Post.of(source, author, state)
    return [shown.get(source.post_id) if source else None for source in sources]


async def show_stories(
    context: RequestContext, sources: Sequence[content_pb2.Story | None], *, authors: bool
) -> list[Story | None]:
    """Return stories with their authors; see `show_posts`."""
    if not authors:
        return [Story.of(source, None) if source else None for source in sources]
    by_id = await load_authors(context, [source.author_id for source in sources if source])
    return [
        Story.of(source, author) if source and (author := by_id.get(source.author_id)) else None
        for source in sources
    ]


async def load_authors(context: RequestContext, author_ids: Sequence[bytes]) -> dict[bytes, User | None]:
    """Return the authors of what a room has let pass for this viewer, by id."""
    distinct = list(dict.fromkeys(author_ids))
    return dict(zip(distinct, await load_users(context, distinct, vouched=True), strict=True))


async def load_post(info: Info, post_id: bytes, *path: str) -> Post | None:
    """Return one post, with what the document asks for of it at `path`."""
    source = await info.context.readers.posts.load(post_id)
    (post,) = await show_posts(info.context, [source], Wanted.below(info, *path))
    return post
