"""The rooms of the town: servicers that answer from its dicts."""

from collections import Counter
from typing import Any

from nova.api.content.v1 import content_pb2
from nova.api.content.v1.content_pb2_grpc import ContentServiceServicer, add_ContentServiceServicer_to_server
from nova.api.feed.v1 import feed_pb2
from nova.api.feed.v1.feed_pb2_grpc import FeedServiceServicer, add_FeedServiceServicer_to_server
from nova.api.graph.v1 import graph_pb2
from nova.api.graph.v1.graph_pb2_grpc import GraphServiceServicer, add_GraphServiceServicer_to_server
from nova.api.identity.v1.identity_pb2_grpc import (
    add_IdentityServiceServicer_to_server,
)
from nova.api.social.v1 import social_pb2
from nova.api.social.v1.social_pb2_grpc import SocialServiceServicer, add_SocialServiceServicer_to_server
from nova.api.user.v1.user_pb2_grpc import add_UserServiceServicer_to_server
from nova.platform.errors import (
    Forbidden,
    IdempotencyConflict,
    InvalidArgument,
    NotFound,
)
from nova.platform.rpc.binding import ServiceBinding
from nova.platform.rpc.context import current_call
from nova.policy.relations import Relation
from tests.unit.gateway.town import Town
from tests.unit.gateway.town_people import KnownAccounts, KnownProfiles, viewer_id


class PostNotFound(NotFound):
    """The post does not exist, or this viewer may not see it."""


class KnownFollows(GraphServiceServicer):
    def __init__(self, town: Town) -> None:
        self._town = town

    async def GetRelations(
        self, request: graph_pb2.GetRelationsRequest, context: object
    ) -> graph_pb2.GetRelationsResponse:
        self._town.called("graph.GetRelations")
        viewer = viewer_id()
        return graph_pb2.GetRelationsResponse(
            relations=[self._town.relation(viewer, subject) for subject in request.subject_ids]
        )

    async def GetFollowCounts(
        self, request: graph_pb2.GetFollowCountsRequest, context: object
    ) -> graph_pb2.GetFollowCountsResponse:
        self._town.called("graph.GetFollowCounts")
        return graph_pb2.GetFollowCountsResponse(
            counts=[graph_pb2.FollowCounts(follower_count=3, following_count=2) for _ in request.user_ids]
        )

    async def FollowUser(
        self, request: graph_pb2.FollowUserRequest, context: object
    ) -> graph_pb2.FollowUserResponse:
        self._town.called("graph.FollowUser")
        if request.user_id == viewer_id():
            raise InvalidArgument("Nobody follows himself.", field="user_id", reason="ONESELF_FOLLOWED")
        self._town.relations[viewer_id(), request.user_id] = Relation.FOLLOWS
        return graph_pb2.FollowUserResponse(state=graph_pb2.FOLLOW_STATE_FOLLOWING)

    async def ListFollowers(
        self, request: graph_pb2.ListFollowersRequest, context: object
    ) -> graph_pb2.ListFollowersResponse:
        self._town.called("graph.ListFollowers")
        ids = sorted(
            viewer
            for (viewer, subject), bits in self._town.relations.items()
            if subject == request.user_id and bits & Relation.FOLLOWS and viewer > request.page_token
        )
        page = ids[: request.page_size]
        return graph_pb2.ListFollowersResponse(
            edges=[graph_pb2.UserEdge(user_id=key, page_token=key) for key in page],
            next_page_token=page[-1] if len(ids) > len(page) else b"",
        )


class KnownPosts(ContentServiceServicer):
    def __init__(self, town: Town) -> None:
        self._town = town

    async def GetPosts(
        self, request: content_pb2.GetPostsRequest, context: object
    ) -> content_pb2.GetPostsResponse:
        self._town.called("content.GetPosts")
        if self._town.gate is not None:
            self._town.entered.set()
            try:
                await self._town.gate.wait()
            finally:
                self._town.left.set()
        return content_pb2.GetPostsResponse(posts=self._town.seen_posts(list(request.post_ids)))

    async def GetStories(
        self, request: content_pb2.GetStoriesRequest, context: object
    ) -> content_pb2.GetStoriesResponse:
        self._town.called("content.GetStories")
        known = self._town.stories
        return content_pb2.GetStoriesResponse(
            stories=[known[key] for key in request.story_ids if key in known]
        )

    async def ListPostsByAuthor(
        self, request: content_pb2.ListPostsByAuthorRequest, context: object
    ) -> content_pb2.ListPostsByAuthorResponse:
        self._town.called("content.ListPostsByAuthor")
        keys = sorted(
            (key for key, post in self._town.posts.items() if post.author_id == request.author_id),
            reverse=True,
        )
        before = [key for key in keys if not request.page_token or key < request.page_token]
        page = before[: request.page_size]
        return content_pb2.ListPostsByAuthorResponse(
            posts=self._town.seen_posts(page), next_page_token=page[-1] if len(before) > len(page) else b""
        )

    async def CountPosts(
        self, request: content_pb2.CountPostsRequest, context: object
    ) -> content_pb2.CountPostsResponse:
        self._town.called("content.CountPosts")
        authors = Counter(post.author_id for post in self._town.posts.values())
        return content_pb2.CountPostsResponse(counts=[authors[key] for key in request.author_ids])

    async def CreatePost(
        self, request: content_pb2.CreatePostRequest, context: object
    ) -> content_pb2.CreatePostResponse:
        self._town.called("content.CreatePost")
        key = current_call().idempotency_key
        if key is not None and key in self._town.keys:
            raise IdempotencyConflict
        self._town.keys.append(key)
        post = self._town.posts[self._town.post(viewer_id(), request.caption, media=0)]
        post.media.extend(request.media)
        post.content_type = request.content_type
        return content_pb2.CreatePostResponse(post=post)

    async def DeletePost(
        self, request: content_pb2.DeletePostRequest, context: object
    ) -> content_pb2.DeletePostResponse:
        self._town.called("content.DeletePost")
        post = self._town.posts.get(request.post_id)
        if post is None:
            raise PostNotFound
        if post.author_id != viewer_id():
            raise Forbidden("This needs the permission content:delete:any.")
        del self._town.posts[request.post_id]
        return content_pb2.DeletePostResponse()


class KnownReactions(SocialServiceServicer):
    def __init__(self, town: Town) -> None:
        self._town = town

    def _state(self, post_id: bytes) -> social_pb2.PostState:
        likers = self._town.likes.get(post_id, set())
        return social_pb2.PostState(
            post_id=post_id,
            like_count=len(likers),
            comment_count=sum(one.post_id == post_id for one in self._town.comments.values()),
            viewer_has_liked=viewer_id() in likers,
        )

    async def LikePost(
        self, request: social_pb2.LikePostRequest, context: object
    ) -> social_pb2.LikePostResponse:
        self._town.called("social.LikePost")
        if not self._town.seen_posts([request.post_id]):
            raise PostNotFound(field="post_id")
        self._town.likes.setdefault(request.post_id, set()).add(viewer_id())
        return social_pb2.LikePostResponse(state=self._state(request.post_id))

    async def GetPostStates(
        self, request: social_pb2.GetPostStatesRequest, context: object
    ) -> social_pb2.GetPostStatesResponse:
        self._town.called("social.GetPostStates")
        return social_pb2.GetPostStatesResponse(states=[self._state(key) for key in request.post_ids])

    async def GetComments(
        self, request: social_pb2.GetCommentsRequest, context: object
    ) -> social_pb2.GetCommentsResponse:
        self._town.called("social.GetComments")
        known = self._town.comments
        return social_pb2.GetCommentsResponse(
            comments=[known[key] for key in request.comment_ids if key in known]
        )

    async def ListComments(
        self, request: social_pb2.ListCommentsRequest, context: object
    ) -> social_pb2.ListCommentsResponse:
        self._town.called("social.ListComments")
        threads = [self._thread(request, post_id=key) for key in request.post_ids]
        threads += [self._thread(request, comment_id=key) for key in request.comment_ids]
        return social_pb2.ListCommentsResponse(threads=threads)

    def _thread(
        self, request: social_pb2.ListCommentsRequest, *, post_id: bytes = b"", comment_id: bytes = b""
    ) -> social_pb2.CommentThread:
        found = [
            one
            for key, one in sorted(self._town.comments.items())
            if one.parent_id == comment_id
            and (not post_id or one.post_id == post_id)
            and key > request.page_token
        ]
        page = found[: request.page_size]
        return social_pb2.CommentThread(
            comments=page, next_page_token=page[-1].comment_id if len(found) > len(page) else b""
        )

    async def ListLikers(
        self, request: social_pb2.ListLikersRequest, context: object
    ) -> social_pb2.ListLikersResponse:
        self._town.called("social.ListLikers")
        likers = sorted(self._town.likes.get(request.post_id, set()))[: request.page_size]
        return social_pb2.ListLikersResponse(
            edges=[social_pb2.LikerEdge(user_id=key, page_token=key) for key in likers]
        )

    async def AddComment(
        self, request: social_pb2.AddCommentRequest, context: object
    ) -> social_pb2.AddCommentResponse:
        self._town.called("social.AddComment")
        key = self._town.comment(request.post_id, viewer_id(), request.text, parent=request.parent_id)
        return social_pb2.AddCommentResponse(comment=self._town.comments[key])


class KnownFeed(FeedServiceServicer):
    def __init__(self, town: Town) -> None:
        self._town = town

    async def GetHomePage(
        self, request: feed_pb2.GetHomePageRequest, context: object
    ) -> feed_pb2.GetHomePageResponse:
        self._town.called("feed.GetHomePage")
        keys = sorted(self._town.posts, reverse=True)
        before = [key for key in keys if not request.page_token or key < request.page_token]
        page = before[: request.page_size]
        return feed_pb2.GetHomePageResponse(
            items=[self._item(key) for key in page],
            next_page_token=page[-1] if len(before) > len(page) else b"",
        )

    async def MarkSeen(self, request: feed_pb2.MarkSeenRequest, context: object) -> feed_pb2.MarkSeenResponse:
        self._town.called("feed.MarkSeen")
        return feed_pb2.MarkSeenResponse()

    def _item(self, post_id: bytes) -> feed_pb2.FeedItem:
        return feed_pb2.FeedItem(
            post_id=post_id,
            author_id=self._town.posts[post_id].author_id,
            source="follows",
            score=1.5,
            page_token=post_id,
            features=["freshness"],
            values=[3.0],
            weights=[0.5],
        )


def bindings(town: Town) -> list[ServiceBinding]:
    """Serve every room; each plays the methods that are asked."""
    open_to_all = frozenset({"SignUp", "SignIn", "RefreshSession", "GetKeySet"})
    adders: list[tuple[Any, Any, frozenset[str]]] = [
        (add_IdentityServiceServicer_to_server, KnownAccounts, open_to_all),
        (add_UserServiceServicer_to_server, KnownProfiles, frozenset()),
        (add_GraphServiceServicer_to_server, KnownFollows, frozenset()),
        (add_ContentServiceServicer_to_server, KnownPosts, frozenset()),
        (add_SocialServiceServicer_to_server, KnownReactions, frozenset()),
        (add_FeedServiceServicer_to_server, KnownFeed, frozenset()),
    ]
    return [
        ServiceBinding(add_to_server=add, servicer=servicer(town), system_methods=system)
        for add, servicer, system in adders
    ]
