"""A town of people who know each other, played by servicers of the test: what the gateway asks, answered from dicts."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from nova.api.content.v1 import content_pb2
from nova.api.content.v1.content_pb2_grpc import ContentServiceServicer, add_ContentServiceServicer_to_server
from nova.api.feed.v1 import feed_pb2
from nova.api.feed.v1.feed_pb2_grpc import FeedServiceServicer, add_FeedServiceServicer_to_server
from nova.api.graph.v1 import graph_pb2
from nova.api.graph.v1.graph_pb2_grpc import GraphServiceServicer, add_GraphServiceServicer_to_server
from nova.api.identity.v1 import identity_pb2
from nova.api.identity.v1.identity_pb2_grpc import (
    IdentityServiceServicer,
    add_IdentityServiceServicer_to_server,
)
from nova.api.ranking.v1 import ranking_pb2
from nova.api.social.v1 import social_pb2
from nova.api.social.v1.social_pb2_grpc import SocialServiceServicer, add_SocialServiceServicer_to_server
from nova.api.user.v1 import user_pb2
from nova.api.user.v1.user_pb2_grpc import UserServiceServicer, add_UserServiceServicer_to_server
from nova.platform.errors import (
    Conflict,
    Forbidden,
    IdempotencyConflict,
    InvalidArgument,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from nova.platform.ids import uuid7
from nova.platform.rpc.binding import ServiceBinding
from nova.platform.rpc.context import current_actor, current_call
from nova.platform.rpc.validate import to_timestamp
from nova.policy.relations import Relation
from tests.tokens import Issuer

PASSWORD = "correct horse battery staple"
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


class HandleTaken(Conflict):
    """The handle is taken."""


class PostNotFound(NotFound):
    """The post does not exist, or this viewer may not see it."""


class InvalidCredentials(Unauthenticated):
    """The login or the password is wrong."""


@dataclass
class Town:
    """Who lives there, what they wrote, and which calls were made. `down` names rooms that do not answer."""

    issuer: Issuer = field(default_factory=Issuer)
    profiles: dict[bytes, user_pb2.Profile] = field(default_factory=dict)
    relations: dict[tuple[bytes, bytes], Relation] = field(default_factory=dict)
    posts: dict[bytes, content_pb2.Post] = field(default_factory=dict)
    stories: dict[bytes, content_pb2.Story] = field(default_factory=dict)
    comments: dict[bytes, social_pb2.Comment] = field(default_factory=dict)
    likes: dict[bytes, set[bytes]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    keys: list[str | None] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    hidden_posts: set[bytes] = field(default_factory=set)
    card_changed: Callable[[bytes], object] = lambda _: None
    gate: asyncio.Event | None = None
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    def called(self, method: str) -> None:
        room = method.partition(".")[0]
        if room in self.down:
            raise Unavailable(f"{room} is down.")
        self.calls[method] += 1

    def person(self, handle: str, *, user_id: UUID | None = None) -> bytes:
        key = (user_id or uuid7()).bytes
        self.profiles[key] = user_pb2.Profile(
            user_id=key, handle=handle, display_name=handle.title(), created_at=to_timestamp(NOW), version=1
        )
        return key

    def post(self, author: bytes, caption: str = "Hello", *, media: int = 1) -> bytes:
        key = uuid7().bytes
        self.posts[key] = content_pb2.Post(
            post_id=key,
            author_id=author,
            caption=caption,
            content_type=content_pb2.CONTENT_TYPE_IMAGE,
            tags=["nova"],
            media=[
                content_pb2.MediaLink(
                    url=f"/media/{place}.webp", kind=content_pb2.MEDIA_KIND_IMAGE, width=640
                )
                for place in range(media)
            ],
            audience=content_pb2.AUDIENCE_EVERYONE,
            created_at=to_timestamp(NOW),
            page_token=key,
        )
        return key

    def comment(self, post: bytes, author: bytes, text: str = "Nice", *, parent: bytes = b"") -> bytes:
        key = uuid7().bytes
        self.comments[key] = social_pb2.Comment(
            comment_id=key, post_id=post, parent_id=parent, author_id=author, text=text,
            created_at=to_timestamp(NOW), page_token=key,
        )  # fmt: skip
        return key

    def story(self, author: bytes) -> bytes:
        key = uuid7().bytes
        self.stories[key] = content_pb2.Story(
            story_id=key, author_id=author, created_at=to_timestamp(NOW), expires_at=to_timestamp(NOW),
            media=content_pb2.MediaLink(url="/media/s.webp", kind=content_pb2.MEDIA_KIND_IMAGE),
        )  # fmt: skip
        return key

    def relation(self, viewer: bytes, subject: bytes) -> Relation:
        if viewer == subject:
            return Relation.SELF
        return self.relations.get((viewer, subject), Relation.NONE)

    def seen_posts(self, post_ids: list[bytes]) -> list[content_pb2.Post]:
        return [self.posts[key] for key in post_ids if key in self.posts and key not in self.hidden_posts]

    def token(self, user_id: bytes, **claims: object) -> str:
        return self.issuer.token(self.issuer.claims(UUID(bytes=user_id)))

    def bindings(self) -> list[ServiceBinding]:
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
            ServiceBinding(add_to_server=add, servicer=servicer(self), system_methods=system)
            for add, servicer, system in adders
        ]


def viewer_id() -> bytes:
    return current_actor().user_id.bytes


class KnownAccounts(IdentityServiceServicer):
    def __init__(self, town: Town) -> None:
        self._town = town

    def _signed_in(self, user_id: bytes) -> tuple[identity_pb2.Account, identity_pb2.Tokens]:
        profile = self._town.profiles[user_id]
        account = identity_pb2.Account(
            user_id=user_id, handle=profile.handle, email=f"{profile.handle}@example.com", roles=["member"]
        )
        tokens = identity_pb2.Tokens(
            access_token=self._town.token(user_id),
            refresh_token=f"refresh-{profile.handle}",
            expires_in_s=3600,
        )
        return account, tokens

    async def SignUp(
        self, request: identity_pb2.SignUpRequest, context: object
    ) -> identity_pb2.SignUpResponse:
        self._town.called("identity.SignUp")
        if any(profile.handle == request.handle for profile in self._town.profiles.values()):
            raise HandleTaken(field="handle")
        account, tokens = self._signed_in(self._town.person(request.handle))
        return identity_pb2.SignUpResponse(account=account, tokens=tokens)

    async def SignIn(
        self, request: identity_pb2.SignInRequest, context: object
    ) -> identity_pb2.SignInResponse:
        self._town.called("identity.SignIn")
        for user_id, profile in self._town.profiles.items():
            if profile.handle == request.login and request.password == PASSWORD:
                account, tokens = self._signed_in(user_id)
                return identity_pb2.SignInResponse(account=account, tokens=tokens)
        raise InvalidCredentials

    async def RefreshSession(
        self, request: identity_pb2.RefreshSessionRequest, context: object
    ) -> identity_pb2.RefreshSessionResponse:
        self._town.called("identity.RefreshSession")
        for user_id, profile in self._town.profiles.items():
            if request.refresh_token == f"refresh-{profile.handle}":
                account, tokens = self._signed_in(user_id)
                return identity_pb2.RefreshSessionResponse(account=account, tokens=tokens)
        raise InvalidCredentials(reason="REFRESH_TOKEN_INVALID")

    async def SignOut(
        self, request: identity_pb2.SignOutRequest, context: object
    ) -> identity_pb2.SignOutResponse:
        self._town.called("identity.SignOut")
        return identity_pb2.SignOutResponse()

    async def GetAccount(
        self, request: identity_pb2.GetAccountRequest, context: object
    ) -> identity_pb2.GetAccountResponse:
        self._town.called("identity.GetAccount")
        return identity_pb2.GetAccountResponse(account=self._signed_in(viewer_id())[0])

    async def GetKeySet(
        self, request: identity_pb2.GetKeySetRequest, context: object
    ) -> identity_pb2.GetKeySetResponse:
        self._town.called("identity.GetKeySet")
        return identity_pb2.GetKeySetResponse(jwks_json='{"keys":[]}')


class KnownProfiles(UserServiceServicer):
    def __init__(self, town: Town) -> None:
        self._town = town

    def _seen(self, user_id: bytes) -> bool:
        return not self._town.relation(viewer_id(), user_id) & Relation.BLOCKED_BY

    async def GetProfiles(
        self, request: user_pb2.GetProfilesRequest, context: object
    ) -> user_pb2.GetProfilesResponse:
        self._town.called("user.GetProfiles")
        known = self._town.profiles
        return user_pb2.GetProfilesResponse(
            profiles=[known[key] for key in request.user_ids if key in known and self._seen(key)]
        )

    async def LookupHandles(
        self, request: user_pb2.LookupHandlesRequest, context: object
    ) -> user_pb2.LookupHandlesResponse:
        self._town.called("user.LookupHandles")
        by_handle = {profile.handle: profile for profile in self._town.profiles.values()}
        found = [by_handle[handle] for handle in request.handles if handle in by_handle]
        return user_pb2.LookupHandlesResponse(profiles=[one for one in found if self._seen(one.user_id)])

    async def UpdateProfile(
        self, request: user_pb2.UpdateProfileRequest, context: object
    ) -> user_pb2.UpdateProfileResponse:
        self._town.called("user.UpdateProfile")
        profile = self._town.profiles[viewer_id()]
        if request.HasField("display_name"):
            profile.display_name = request.display_name
        if request.HasField("bio"):
            profile.bio = request.bio
        self._town.card_changed(profile.user_id)
        return user_pb2.UpdateProfileResponse(profile=profile)

    async def GetSettings(
        self, request: user_pb2.GetSettingsRequest, context: object
    ) -> user_pb2.GetSettingsResponse:
        self._town.called("user.GetSettings")
        return user_pb2.GetSettingsResponse(settings=user_pb2.Settings(language="en", suggestible=True))

    async def BlockUser(
        self, request: user_pb2.BlockUserRequest, context: object
    ) -> user_pb2.BlockUserResponse:
        self._town.called("user.BlockUser")
        if request.user_id not in self._town.profiles:
            raise NotFound(reason="USER_NOT_FOUND")
        self._town.relations[viewer_id(), request.user_id] = Relation.BLOCKS
        self._town.relations[request.user_id, viewer_id()] = Relation.BLOCKED_BY
        return user_pb2.BlockUserResponse(profile=self._town.profiles[request.user_id])


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
            contributions=[ranking_pb2.Contribution(name="freshness", value=3.0, weight=0.5)],
            page_token=post_id,
        )
