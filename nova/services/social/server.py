"""gRPC in, a verb of social, gRPC out. No decisions."""

from collections.abc import Sequence
from typing import Final

from nova.api.social.v1 import social_pb2 as pb
from nova.api.social.v1.social_pb2_grpc import SocialServiceServicer
from nova.platform.db.idempotency import Once
from nova.platform.errors import InvalidArgument
from nova.platform.rpc.context import current_actor
from nova.platform.rpc.page_tokens import place_at, token_at
from nova.platform.rpc.validate import optional_uuid_of, page_size, to_timestamp, uuid_of, uuids_of
from nova.services.social.model import CommentId, Like, PostId, PostState, SeenComment, Thread
from nova.services.social.service.comments import Comments
from nova.services.social.service.reactions import Reactions
from nova.services.social.service.reading import Reading
from nova.services.social.store.threads import FIRST

MOST_IDS: Final = 200


class SocialServer(SocialServiceServicer):
    """Social's servicer."""

    def __init__(self, *, reactions: Reactions, comments: Comments, reading: Reading, once: Once) -> None:
        self._reactions = reactions
        self._comments = comments
        self._reading = reading
        self._once = once

    async def LikePost(self, request: pb.LikePostRequest, context: object) -> pb.LikePostResponse:
        post_id = _post_id(request.post_id)
        return await self._once(
            request,
            pb.LikePostResponse,
            lambda: self._reactions.like(current_actor(), post_id),
            present=lambda state: pb.LikePostResponse(state=_state(state)),
        )

    async def UnlikePost(self, request: pb.UnlikePostRequest, context: object) -> pb.UnlikePostResponse:
        post_id = _post_id(request.post_id)
        return await self._once(
            request,
            pb.UnlikePostResponse,
            lambda: self._reactions.unlike(current_actor(), post_id),
            present=lambda state: pb.UnlikePostResponse(state=_state(state)),
        )

    async def SharePost(self, request: pb.SharePostRequest, context: object) -> pb.SharePostResponse:
        post_id = _post_id(request.post_id)
        return await self._once(
            request,
            pb.SharePostResponse,
            lambda: self._reactions.share(current_actor(), post_id, request.text),
            present=lambda state: pb.SharePostResponse(state=_state(state)),
        )

    async def UnsharePost(self, request: pb.UnsharePostRequest, context: object) -> pb.UnsharePostResponse:
        post_id = _post_id(request.post_id)
        return await self._once(
            request,
            pb.UnsharePostResponse,
            lambda: self._reactions.unshare(current_actor(), post_id),
            present=lambda state: pb.UnsharePostResponse(state=_state(state)),
        )

    async def AddComment(self, request: pb.AddCommentRequest, context: object) -> pb.AddCommentResponse:
        post_id = _post_id(request.post_id)
        parent = optional_uuid_of(request.parent_id, "parent_id")
        parent_id = None if parent is None else CommentId(parent)
        return await self._once(
            request,
            pb.AddCommentResponse,
            lambda: self._comments.add(current_actor(), post_id, parent_id, request.text),
            present=lambda seen: pb.AddCommentResponse(comment=_comment(seen)),
        )

    async def EditComment(self, request: pb.EditCommentRequest, context: object) -> pb.EditCommentResponse:
        comment_id = _comment_id(request.comment_id)
        return await self._once(
            request,
            pb.EditCommentResponse,
            lambda: self._comments.edit(current_actor(), comment_id, request.text),
            present=lambda seen: pb.EditCommentResponse(comment=_comment(seen)),
        )

    async def DeleteComment(
        self, request: pb.DeleteCommentRequest, context: object
    ) -> pb.DeleteCommentResponse:
        comment_id = _comment_id(request.comment_id)
        return await self._once(
            request,
            pb.DeleteCommentResponse,
            lambda: self._comments.delete(current_actor(), comment_id),
            present=lambda post_id: pb.DeleteCommentResponse(post_id=post_id.bytes),
        )

    async def LikeComment(self, request: pb.LikeCommentRequest, context: object) -> pb.LikeCommentResponse:
        comment_id = _comment_id(request.comment_id)
        return await self._once(
            request,
            pb.LikeCommentResponse,
            lambda: self._comments.like(current_actor(), comment_id),
            present=lambda seen: pb.LikeCommentResponse(comment=_comment(seen)),
        )

    async def UnlikeComment(
        self, request: pb.UnlikeCommentRequest, context: object
    ) -> pb.UnlikeCommentResponse:
        comment_id = _comment_id(request.comment_id)
        return await self._once(
            request,
            pb.UnlikeCommentResponse,
            lambda: self._comments.unlike(current_actor(), comment_id),
            present=lambda seen: pb.UnlikeCommentResponse(comment=_comment(seen)),
        )

    async def GetPostStates(
        self, request: pb.GetPostStatesRequest, context: object
    ) -> pb.GetPostStatesResponse:
        states = await self._reading.states(current_actor(), _post_ids(request.post_ids))
        return pb.GetPostStatesResponse(states=map(_state, states))

    async def GetComments(self, request: pb.GetCommentsRequest, context: object) -> pb.GetCommentsResponse:
        comments = await self._reading.comments(current_actor(), _comment_ids(request.comment_ids))
        return pb.GetCommentsResponse(comments=map(_comment, comments))

    async def ListComments(self, request: pb.ListCommentsRequest, context: object) -> pb.ListCommentsResponse:
        if bool(request.post_ids) == bool(request.comment_ids):
            raise InvalidArgument("Name either posts or comments.", field="post_ids")
        if request.page_token and len(request.post_ids) + len(request.comment_ids) > 1:
            raise InvalidArgument("A page token goes with one id.", field="page_token")
        after = optional_uuid_of(request.page_token, "page_token") or FIRST
        limit = page_size(request.page_size, most=100, default=20)
        threads = (
            await self._reading.under_posts(
                current_actor(), _post_ids(request.post_ids), after=after, limit=limit
            )
            if request.post_ids
            else await self._reading.under_comments(
                current_actor(), _comment_ids(request.comment_ids), after=after, limit=limit
            )
        )
        return pb.ListCommentsResponse(threads=map(_thread, threads))

    async def ListLikers(self, request: pb.ListLikersRequest, context: object) -> pb.ListLikersResponse:
        likes, more = await self._reading.likers(
            current_actor(),
            _post_id(request.post_id),
            before=place_at(request.page_token),
            limit=page_size(request.page_size, most=100, default=20),
        )
        return pb.ListLikersResponse(
            edges=map(_liker, likes), next_page_token=_liker_token(likes[-1]) if more else b""
        )


def _post_id(value: bytes) -> PostId:
    return PostId(uuid_of(value, "post_id"))


def _comment_id(value: bytes) -> CommentId:
    return CommentId(uuid_of(value, "comment_id"))


def _post_ids(values: Sequence[bytes]) -> list[PostId]:
    return [PostId(value) for value in uuids_of(values, "post_ids", most=MOST_IDS)]


def _comment_ids(values: Sequence[bytes]) -> list[CommentId]:
    return [CommentId(value) for value in uuids_of(values, "comment_ids", most=MOST_IDS)]


def _state(state: PostState) -> pb.PostState:
    return pb.PostState(
        post_id=state.post_id.bytes,
        like_count=state.like_count,
        comment_count=state.comment_count,
        share_count=state.share_count,
        viewer_has_liked=state.viewer_has_liked,
        viewer_has_shared=state.viewer_has_shared,
    )


def _comment(seen: SeenComment) -> pb.Comment:
    comment = seen.comment
    return pb.Comment(
        comment_id=comment.comment_id.bytes,
        post_id=comment.post_id.bytes,
        parent_id=comment.parent_id.bytes if comment.parent_id else b"",
        author_id=comment.author_id.bytes,
        text=comment.text,
        created_at=to_timestamp(comment.created_at),
        edited_at=None if comment.edited_at is None else to_timestamp(comment.edited_at),
        like_count=seen.like_count,
        viewer_has_liked=seen.viewer_has_liked,
        reply_count=seen.reply_count,
        page_token=comment.comment_id.bytes,
    )


def _thread(thread: Thread) -> pb.CommentThread:
    return pb.CommentThread(
        comments=map(_comment, thread.comments),
        next_page_token=thread.comments[-1].comment.comment_id.bytes if thread.more else b"",
    )


def _liker_token(like: Like) -> bytes:
    return token_at(like.liked_at, like.user_id)


def _liker(like: Like) -> pb.LikerEdge:
    return pb.LikerEdge(
        user_id=like.user_id.bytes, liked_at=to_timestamp(like.liked_at), page_token=_liker_token(like)
    )
