"""The rooms that feed asks, played from one small world that the tests say, and out of reach when they say so."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np

from nova.api.content.v1 import content_pb2
from nova.api.content.v1.content_pb2_grpc import ContentServiceServicer
from nova.api.graph.v1 import graph_pb2
from nova.api.graph.v1.graph_pb2_grpc import GraphServiceServicer
from nova.api.ranking.v1 import ranking_pb2
from nova.api.ranking.v1.ranking_pb2_grpc import RankingServiceServicer
from nova.api.user.v1 import user_pb2
from nova.api.user.v1.user_pb2_grpc import UserServiceServicer
from nova.platform.errors import Unavailable
from nova.platform.rpc.context import current_actor, current_call
from nova.policy.relations import Relation
from nova.policy.visibility import Audience, Surface, content
from nova.policy.words import MutedWords

Edge = tuple[UUID, UUID]


@dataclass(frozen=True, kw_only=True)
class WorldPost:
    author: UUID
    audience: Audience = Audience.EVERYONE
    caption: str = ""


@dataclass
class World:
    """What is true: posts, follows, blocks, mutes, private accounts, muted words."""

    posts: dict[bytes, WorldPost] = field(default_factory=dict)
    follows: set[Edge] = field(default_factory=set)
    blocks: set[Edge] = field(default_factory=set)
    mutes: set[Edge] = field(default_factory=set)
    private: set[UUID] = field(default_factory=set)
    words: dict[UUID, list[user_pb2.MutedWord]] = field(default_factory=dict)

    def relation(self, viewer: UUID, subject: UUID) -> Relation:
        facts = {
            Relation.FOLLOWS: (viewer, subject) in self.follows,
            Relation.FOLLOWED_BY: (subject, viewer) in self.follows,
            Relation.BLOCKS: (viewer, subject) in self.blocks,
            Relation.BLOCKED_BY: (subject, viewer) in self.blocks,
            Relation.MUTES: (viewer, subject) in self.mutes,
            Relation.PRIVATE: subject in self.private,
            Relation.SELF: viewer == subject,
        }
        found = Relation.NONE
        for bit, holds in facts.items():
            found |= bit if holds else Relation.NONE
        return found

    def shown(self, viewer: UUID, post_id: bytes, surface: Surface) -> bool:
        post = self.posts.get(post_id)
        return post is not None and content(self.relation(viewer, post.author), post.audience, surface).shown

    def timeline(self, viewer: UUID) -> list[bytes]:
        """What a FOLLOWING feed must be, by the book: newest first."""
        return [
            post_id
            for post_id in sorted(self.posts, reverse=True)
            if self.relation(viewer, self.posts[post_id].author) & (Relation.FOLLOWS | Relation.SELF)
            and self.shown(viewer, post_id, Surface.FEED)
        ]


class KnownContent(ContentServiceServicer):
    """Plays content; like the real one it asks graph, and knows nothing without it."""

    def __init__(self, world: World, graph: "KnownGraph") -> None:
        self._world = world
        self._graph = graph
        self.down = False
        self.checked: list[int] = []
        self.answers: int | None = None
        """How many more checks are answered; those after them hang."""
        self.deadlines: list[float | None] = []
        self.searched: list[int] = []
        self.search_down = False

    async def CheckPosts(
        self, request: content_pb2.CheckPostsRequest, context: object
    ) -> content_pb2.CheckPostsResponse:
        if self.down or self._graph.down or self._graph.relations_down:
            raise Unavailable
        self.deadlines.append(current_call().deadline)
        if self.answers is not None:
            self.answers -= 1
            if self.answers < 0:
                await asyncio.Event().wait()
        self.checked.append(len(request.post_ids))
        viewer = current_actor().user_id
        return content_pb2.CheckPostsResponse(
            posts=[
                content_pb2.CheckedPost(post_id=post_id, author_id=self._world.posts[post_id].author.bytes)
                for post_id in request.post_ids
                if self._world.shown(viewer, post_id, Surface.POST)
            ]
        )

    async def FindWords(
        self, request: content_pb2.FindWordsRequest, context: object
    ) -> content_pb2.FindWordsResponse:
        if self.down or self.search_down:
            raise Unavailable
        self.searched.append(len(request.post_ids))
        viewer, words = current_actor().user_id, MutedWords(request.words)
        return content_pb2.FindWordsResponse(
            post_ids=[
                post_id
                for post_id in request.post_ids
                if self._world.shown(viewer, post_id, Surface.POST)
                and words.occur_in(self._world.posts[post_id].caption, ())
            ]
        )

    async def ListPostings(
        self, request: content_pb2.ListPostingsRequest, context: object
    ) -> content_pb2.ListPostingsResponse:
        if self.down:
            raise Unavailable
        left = [post_id for post_id in sorted(self._world.posts) if post_id > request.page_token]
        page = left[: request.page_size]
        return content_pb2.ListPostingsResponse(
            postings=[
                content_pb2.Posting(
                    post_id=post_id,
                    author_id=self._world.posts[post_id].author.bytes,
                    content_type=content_pb2.CONTENT_TYPE_TEXT,
                    audience=content_pb2.Audience.ValueType(self._world.posts[post_id].audience.value),
                )
                for post_id in page
            ],
            next_page_token=page[-1] if len(page) < len(left) else b"",
        )


class KnownGraph(GraphServiceServicer):
    """Plays graph."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.down = False
        self.following_down = False
        self.relations_down = False
        self.asked = 0

    async def GetFollowing(
        self, request: graph_pb2.GetFollowingRequest, context: object
    ) -> graph_pb2.GetFollowingResponse:
        if self.down or self.following_down:
            raise Unavailable
        viewer = current_actor().user_id
        followed = sorted(subject.bytes for follower, subject in self._world.follows if follower == viewer)
        return graph_pb2.GetFollowingResponse(user_ids=b"".join(followed))

    async def GetRelations(
        self, request: graph_pb2.GetRelationsRequest, context: object
    ) -> graph_pb2.GetRelationsResponse:
        if self.down or self.relations_down:
            raise Unavailable
        self.asked += 1
        viewer = current_actor().user_id
        return graph_pb2.GetRelationsResponse(
            relations=[self._world.relation(viewer, UUID(bytes=value)) for value in request.subject_ids]
        )


class KnownUser(UserServiceServicer):
    """Plays user: everyone's muted words, which a clock of feed's own lets end."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.down = False
        self.asked = 0

    async def ListMutedWords(
        self, request: user_pb2.ListMutedWordsRequest, context: object
    ) -> user_pb2.ListMutedWordsResponse:
        if self.down:
            raise Unavailable
        self.asked += 1
        words = self._world.words.get(current_actor().user_id, [])
        assert len(words) <= request.page_size
        return user_pb2.ListMutedWordsResponse(words=[user_pb2.ListedWord(muted_word=one) for one in words])


Order = Callable[[Iterable[bytes]], list[bytes]]


class KnownRanking(RankingServiceServicer):
    """Plays ranking: every post of the world in an order of the test's own, with two reasons and a zero each."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.order: Order = lambda post_ids: sorted(post_ids, key=lambda post_id: post_id[::-1])
        self.down = False
        self.late = False
        self.degraded: list[str] = []
        self.most = 500
        self.asked = 0
        self.excluded: set[bytes] = set()

    async def RankHome(
        self, request: ranking_pb2.RankHomeRequest, context: object
    ) -> ranking_pb2.RankHomeResponse:
        ranked = await self._ranked(request.excluded_post_ids, request.limit, strangers=False)
        return ranking_pb2.RankHomeResponse(ranked=ranked, degraded=self.degraded, model="m/1")

    async def RankExplore(
        self, request: ranking_pb2.RankExploreRequest, context: object
    ) -> ranking_pb2.RankExploreResponse:
        ranked = await self._ranked(request.excluded_post_ids, request.limit, strangers=True)
        return ranking_pb2.RankExploreResponse(ranked=ranked, degraded=self.degraded)

    async def _ranked(self, excluded: bytes, limit: int, *, strangers: bool) -> ranking_pb2.RankedPosts:
        if self.down:
            raise Unavailable
        if self.late:
            await asyncio.Event().wait()
        self.asked += 1
        self.excluded = {excluded[at : at + 16] for at in range(0, len(excluded), 16)}
        viewer = current_actor().user_id
        chosen = [
            post_id
            for post_id in self.order(self._world.posts)
            if post_id not in self.excluded and (not strangers or self._strange(viewer, post_id))
        ]
        return self._columns(viewer, chosen[: min(self.most, limit)])

    def _strange(self, viewer: UUID, post_id: bytes) -> bool:
        author = self._world.posts[post_id].author
        return not self._world.relation(viewer, author) & (Relation.FOLLOWS | Relation.SELF)

    def _columns(self, viewer: UUID, post_ids: Sequence[bytes]) -> ranking_pb2.RankedPosts:
        values = [(post_id[-1] / 256 + 1, 0.0, 1.0) for post_id in post_ids]
        return ranking_pb2.RankedPosts(
            post_ids=b"".join(post_ids),
            author_ids=b"".join(self._world.posts[post_id].author.bytes for post_id in post_ids),
            sources=[
                "second_degree" if self._strange(viewer, post_id) else "follows" for post_id in post_ids
            ],
            scores=[0.5 * (4.0 * recency + 1.0 * followed) for recency, _, followed in values],
            features=["recency", "on_topic", "from_followed"],
            weights=[4.0, 3.0, 1.0],
            multipliers=[0.5] * len(post_ids),
            values=np.array(values, "<f4").tobytes(),
        )
