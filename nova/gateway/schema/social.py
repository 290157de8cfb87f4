"""Comments, and what people do with posts and comments."""

from collections.abc import Sequence
from datetime import UTC, datetime

import strawberry

from nova.api.social.v1 import social_pb2
from nova.gateway.connections import Connection, first_or_default, found
from nova.gateway.context import Info, RequestContext
from nova.gateway.facts import Asked, Page, Stage, facts_by
from nova.gateway.global_ids import Kind, bytes_of, encode
from nova.gateway.readers import ThreadKey
from nova.gateway.schema.calls import (
    COMMENTS,
    POSTS,
    authored,
    changing,
    presented,
    returning_authored,
    returning_post,
)
from nova.gateway.schema.content import Post, comment_stages, load_authors, load_post
from nova.gateway.schema.fields import field
from nova.gateway.schema.mutations import MutationInput, Payload, mutation
from nova.gateway.schema.node import Node
from nova.gateway.schema.user import User
from nova.platform.errors import NotFound
from nova.policy import rules


def _post_stages(asked: Asked) -> Sequence[Stage]:
    return [(POSTS,), *presented(asked)]


def _parent_stages(asked: Asked) -> Sequence[Stage]:
    return [(COMMENTS,), *authored(asked)]


@strawberry.type(description="A comment under a post, or a reply to one.")
class Comment(Node):
    """A comment that the viewer may see."""

    source: strawberry.Private[social_pb2.Comment]
    author: User
    text: str
    created_at: datetime
    edited_at: datetime | None
    like_count: int
    reply_count: int = strawberry.field(description="As many as `replies` can show the viewer.")
    viewer_has_liked: bool

    @classmethod
    def of(cls, source: social_pb2.Comment, author: User | None) -> "Comment":
        """Return the entity of a comment; `author` may be None only where the document does not ask for him."""
        return cls(
            id=strawberry.ID(encode(Kind.COMMENT, source.comment_id)),
            source=source,
            author=author,  # type: ignore[arg-type]  # never read when None: see above
            text=source.text,
            created_at=source.created_at.ToDatetime(tzinfo=UTC),
            edited_at=source.edited_at.ToDatetime(tzinfo=UTC) if source.HasField("edited_at") else None,
            like_count=source.like_count,
            reply_count=source.reply_count,
            viewer_has_liked=source.viewer_has_liked,
        )

    @field(metadata=facts_by(_post_stages))
    async def post(self, info: Info) -> Post:
        """Return the post that it stands under."""
        post = await load_post(info, self.source.post_id)
        if post is None:
            raise NotFound(reason="POST_NOT_FOUND")
        return post

    @field(description="Null at the top level.", metadata=facts_by(_parent_stages))
    async def parent(self, info: Info) -> "Comment | None":
        """Return the comment that it replies to."""
        if not self.source.parent_id:
            return None
        source = await info.context.readers.comments.load(self.source.parent_id)
        (comment,) = await show_comments(info.context, [source], authors=info.asks("author"))
        return comment

    @field(description="Oldest first.", metadata=facts_by(comment_stages, page=Page()))
    async def replies(
        self, info: Info, first: int | None = strawberry.UNSET, after: str | None = strawberry.UNSET
    ) -> Connection["Comment"]:
        """List the replies."""
        return await thread_page(info, self.source.comment_id, first, after, replies=True)


async def show_comments(
    context: RequestContext, sources: Sequence[social_pb2.Comment | None], *, authors: bool
) -> list[Comment | None]:
    """Return comments with their authors, where those are asked for; one without its author is left out."""
    if not authors:
        return [Comment.of(source, None) if source else None for source in sources]
    by_id = await load_authors(context, [source.author_id for source in sources if source])
    return [
        Comment.of(source, author) if source and (author := by_id.get(source.author_id)) else None
        for source in sources
    ]


async def thread_page(
    info: Info, parent: bytes, first: int | None, after: str | None, *, replies: bool
) -> Connection[Comment]:
    """Return one page of the comments under a post or, with `replies`, under a comment."""
    context = info.context
    listing = context.listing(f"{'comment.replies' if replies else 'post.comments'}:{parent.hex()}", after)
    key = ThreadKey(parent=parent, replies=replies, size=first_or_default(first), token=listing.token())
    thread = await context.readers.thread(key) or social_pb2.CommentThread()
    shown = await show_comments(context, thread.comments, authors=info.asks("edges", "node", "author"))
    by_id = {comment.source.comment_id: comment for comment in shown if comment}
    page = found(thread.comments, lambda comment: comment.page_token, thread.next_page_token)
    return listing.page(page, lambda comment: by_id.get(comment.comment_id))


@strawberry.input
class LikePostInput(MutationInput):
    """Which post."""

    post_id: strawberry.ID


@strawberry.type
class LikePostPayload(Payload):
    """The post after it."""

    post: Post | None = None


@strawberry.input
class UnlikePostInput(MutationInput):
    """Which post."""

    post_id: strawberry.ID


@strawberry.type
class UnlikePostPayload(Payload):
    """The post after it."""

    post: Post | None = None


@strawberry.input
class SharePostInput(MutationInput):
    """Which post, and what to say with it."""

    post_id: strawberry.ID
    text: str = ""


@strawberry.type
class SharePostPayload(Payload):
    """The post after it."""

    post: Post | None = None


@strawberry.input
class UnsharePostInput(MutationInput):
    """Which post."""

    post_id: strawberry.ID


@strawberry.type
class UnsharePostPayload(Payload):
    """The post after it."""

    post: Post | None = None


@strawberry.input
class AddCommentInput(MutationInput):
    """What to say, under which post; with `parentId` as a reply."""

    post_id: strawberry.ID
    parent_id: strawberry.ID | None = strawberry.UNSET
    text: str


@strawberry.type
class AddCommentPayload(Payload):
    """The comment."""

    comment: Comment | None = None


@strawberry.input
class EditCommentInput(MutationInput):
    """What an own comment shall say."""

    comment_id: strawberry.ID
    text: str


@strawberry.type
class EditCommentPayload(Payload):
    """The comment after it."""

    comment: Comment | None = None


@strawberry.input
class DeleteCommentInput(MutationInput):
    """Which comment: an own one, or one under an own post."""

    comment_id: strawberry.ID


@strawberry.type
class DeleteCommentPayload(Payload):
    """The ids of what is gone, and of the post that it stood under."""

    deleted_comment_id: strawberry.ID | None = None
    post_id: strawberry.ID | None = None


@strawberry.input
class LikeCommentInput(MutationInput):
    """Which comment."""

    comment_id: strawberry.ID


@strawberry.type
class LikeCommentPayload(Payload):
    """The comment after it."""

    comment: Comment | None = None


@strawberry.input
class UnlikeCommentInput(MutationInput):
    """Which comment."""

    comment_id: strawberry.ID


@strawberry.type
class UnlikeCommentPayload(Payload):
    """The comment after it."""

    comment: Comment | None = None


async def _post_after(info: Info, state: social_pb2.PostState) -> Post | None:
    """Return the post of a payload, with the state that the room has just told."""
    if not info.asks("post"):
        return None
    info.context.readers.states.put(state.post_id, state)
    return await load_post(info, state.post_id, "post")


async def _comment_after(info: Info, source: social_pb2.Comment) -> Comment | None:
    (comment,) = await show_comments(info.context, [source], authors=info.asks("comment", "author"))
    return comment


@strawberry.type
class SocialMutations:
    """What people do with posts and comments."""

    @mutation("Likes a post. Liking again changes nothing.", returning_post("social.LikePost"))
    async def like_post(self, info: Info, input: LikePostInput) -> LikePostPayload:  # noqa: A002 - the contract's name
        """Like a post."""
        context = info.context
        request = social_pb2.LikePostRequest(post_id=bytes_of(input.post_id, Kind.POST))
        answer = await context.change(context.rooms.social.LikePost, request, key=input.idempotency_key)
        return LikePostPayload(post=await _post_after(info, answer.state))

    @mutation("Takes a like back.", returning_post("social.UnlikePost"))
    async def unlike_post(self, info: Info, input: UnlikePostInput) -> UnlikePostPayload:  # noqa: A002 - as above
        """Take a like back."""
        context = info.context
        request = social_pb2.UnlikePostRequest(post_id=bytes_of(input.post_id, Kind.POST))
        answer = await context.change(context.rooms.social.UnlikePost, request, key=input.idempotency_key)
        return UnlikePostPayload(post=await _post_after(info, answer.state))

    @mutation("Shares a post with the viewer's followers.", returning_post("social.SharePost"))
    async def share_post(self, info: Info, input: SharePostInput) -> SharePostPayload:  # noqa: A002 - as above
        """Share a post."""
        context = info.context
        text = rules.text(input.text, field="text", most=rules.SHARE_TEXT_MOST)
        request = social_pb2.SharePostRequest(post_id=bytes_of(input.post_id, Kind.POST), text=text)
        answer = await context.change(context.rooms.social.SharePost, request, key=input.idempotency_key)
        return SharePostPayload(post=await _post_after(info, answer.state))

    @mutation("Takes a share back.", returning_post("social.UnsharePost"))
    async def unshare_post(self, info: Info, input: UnsharePostInput) -> UnsharePostPayload:  # noqa: A002 - as above
        """Take a share back."""
        context = info.context
        request = social_pb2.UnsharePostRequest(post_id=bytes_of(input.post_id, Kind.POST))
        answer = await context.change(context.rooms.social.UnsharePost, request, key=input.idempotency_key)
        return UnsharePostPayload(post=await _post_after(info, answer.state))

    @mutation("Comments on a post, or replies.", returning_authored("social.AddComment", "comment"))
    async def add_comment(self, info: Info, input: AddCommentInput) -> AddCommentPayload:  # noqa: A002 - as above
        """Comment on a post."""
        context = info.context
        request = social_pb2.AddCommentRequest(
            post_id=bytes_of(input.post_id, Kind.POST),
            parent_id=bytes_of(input.parent_id, Kind.COMMENT) if isinstance(input.parent_id, str) else b"",
            text=rules.comment(input.text),
        )
        answer = await context.change(context.rooms.social.AddComment, request, key=input.idempotency_key)
        return AddCommentPayload(comment=await _comment_after(info, answer.comment))

    @mutation("Changes an own comment.", returning_authored("social.EditComment", "comment"))
    async def edit_comment(self, info: Info, input: EditCommentInput) -> EditCommentPayload:  # noqa: A002 - as above
        """Change a comment."""
        context = info.context
        request = social_pb2.EditCommentRequest(
            comment_id=bytes_of(input.comment_id, Kind.COMMENT), text=rules.comment(input.text)
        )
        answer = await context.change(context.rooms.social.EditComment, request, key=input.idempotency_key)
        return EditCommentPayload(comment=await _comment_after(info, answer.comment))

    @mutation("Deletes a comment with its replies.", changing("social.DeleteComment"))
    async def delete_comment(self, info: Info, input: DeleteCommentInput) -> DeleteCommentPayload:  # noqa: A002 - as above
        """Delete a comment."""
        context = info.context
        request = social_pb2.DeleteCommentRequest(comment_id=bytes_of(input.comment_id, Kind.COMMENT))
        answer = await context.change(context.rooms.social.DeleteComment, request, key=input.idempotency_key)
        return DeleteCommentPayload(
            deleted_comment_id=input.comment_id, post_id=strawberry.ID(encode(Kind.POST, answer.post_id))
        )

    @mutation("Likes a comment.", returning_authored("social.LikeComment", "comment"))
    async def like_comment(self, info: Info, input: LikeCommentInput) -> LikeCommentPayload:  # noqa: A002 - as above
        """Like a comment."""
        context = info.context
        request = social_pb2.LikeCommentRequest(comment_id=bytes_of(input.comment_id, Kind.COMMENT))
        answer = await context.change(context.rooms.social.LikeComment, request, key=input.idempotency_key)
        return LikeCommentPayload(comment=await _comment_after(info, answer.comment))

    @mutation("Takes a like of a comment back.", returning_authored("social.UnlikeComment", "comment"))
    async def unlike_comment(self, info: Info, input: UnlikeCommentInput) -> UnlikeCommentPayload:  # noqa: A002 - as above
        """Take a like of a comment back."""
        context = info.context
        request = social_pb2.UnlikeCommentRequest(comment_id=bytes_of(input.comment_id, Kind.COMMENT))
        answer = await context.change(context.rooms.social.UnlikeComment, request, key=input.idempotency_key)
        return UnlikeCommentPayload(comment=await _comment_after(info, answer.comment))
