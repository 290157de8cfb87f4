"""The rooms that feed calls, in its own words. Each is given the time that a page can spare."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Final

from nova.api.content.v1.content_pb2 import CheckPostsRequest, FindWordsRequest, ListPostingsRequest
from nova.api.content.v1.content_pb2_grpc import ContentServiceStub
from nova.api.graph.v1.graph_pb2 import GetFollowingRequest, GetRelationsRequest
from nova.api.graph.v1.graph_pb2_grpc import GraphServiceStub
from nova.api.ranking.v1.ranking_pb2 import RankExploreRequest, RankHomeRequest
from nova.api.ranking.v1.ranking_pb2_grpc import RankingServiceStub
from nova.api.user.v1.user_pb2 import ListMutedWordsRequest, ListMutedWordsResponse
from nova.api.user.v1.user_pb2_grpc import UserServiceStub
from nova.platform.cache.two_layer import Cache
from nova.platform.clock import Clock
from nova.platform.rpc.validate import time_of
from nova.policy.relations import Relation
from nova.policy.rules import MUTED_WORDS_MOST
from nova.services.feed.model import SLATE_MOST, UserId
from nova.services.feed.service.ranked import Ranked
from nova.services.feed.store.postings import Posting

RANKING_S: Final = 0.8
GRAPH_S: Final = 0.5
CHECK_S: Final = 1.5
WORDS_S: Final = 0.3
_PAGE: Final = 2000


class ContentPosts:
    """Implements `Posts`, and lists all live posts, over content's gRPC service."""

    def __init__(self, content: ContentServiceStub, *, check_s: float = CHECK_S) -> None:
        self._content = content
        self._check_s = check_s

    async def visible(self, post_ids: Sequence[bytes]) -> Collection[bytes]:
        """Return those of the posts that the caller may see."""
        answer = await self._content.CheckPosts(CheckPostsRequest(post_ids=post_ids), timeout=self._check_s)
        return {post.post_id for post in answer.posts}

    async def with_words(self, post_ids: Sequence[bytes], words: Sequence[str]) -> Collection[bytes]:
        """Return those of the posts with one of the words, as far as the caller may see them."""
        request = FindWordsRequest(post_ids=post_ids, words=words)
        return (await self._content.FindWords(request, timeout=self._check_s)).post_ids

    async def pages(self) -> AsyncIterator[list[Posting]]:
        """Yield all live posts, page by page."""
        token = b""
        while True:
            page = await self._content.ListPostings(ListPostingsRequest(page_size=_PAGE, page_token=token))
            yield [
                Posting(
                    post_id=posting.post_id,
                    author_id=posting.author_id,
                    audience=posting.audience,
                    content_type=posting.content_type,
                )
                for posting in page.postings
            ]
            token = page.next_page_token
            if not token:
                return


class GraphPeople:
    """Implements `People` over graph's gRPC service."""

    def __init__(
        self, graph: GraphServiceStub, *, following_s: float = GRAPH_S, check_s: float = CHECK_S
    ) -> None:
        self._graph = graph
        self._following_s = following_s
        self._check_s = check_s

    async def following(self) -> bytes:
        """Return the packed ids of everyone whom the caller follows."""
        answer = await self._graph.GetFollowing(GetFollowingRequest(), timeout=self._following_s)
        return answer.user_ids

    async def relations(self, author_ids: Sequence[bytes]) -> Mapping[bytes, Relation]:
        """Return the caller's relation to each author."""
        answer = await self._graph.GetRelations(
            GetRelationsRequest(subject_ids=author_ids), timeout=self._check_s
        )
        return dict(zip(author_ids, map(Relation, answer.relations), strict=True))


class UserWords:
    """Implements `MutedWords` over user's gRPC service, and a cache that user empties when somebody's words change."""

    def __init__(
        self,
        user: UserServiceStub,
        cache: Cache[ListMutedWordsResponse],
        *,
        clock: Clock,
        words_s: float = WORDS_S,
    ) -> None:
        self._user = user
        self._cache = cache
        self._clock = clock
        self._words_s = words_s

    async def of(self, viewer_id: UserId) -> Sequence[str]:
        """Return the words that the caller, who is this viewer, mutes now."""
        kept = await self._cache.get(viewer_id.bytes, self._load)
        if kept is None or not kept.words:
            return ()
        now = self._clock.now()
        return [
            one.muted_word.word
            for one in kept.words
            if not one.muted_word.HasField("until") or time_of(one.muted_word.until, "until") > now
        ]

    async def _load(self, _viewer_id: bytes) -> ListMutedWordsResponse:
        request = ListMutedWordsRequest(page_size=MUTED_WORDS_MOST)
        return await self._user.ListMutedWords(request, timeout=self._words_s)


class RankingSlates:
    """Implements `Ranking` over ranking's gRPC service."""

    def __init__(self, ranking: RankingServiceStub, *, budget_s: float = RANKING_S) -> None:
        self._ranking = ranking
        self._budget_s = budget_s

    async def home(self, excluded: bytes) -> Ranked:
        """Return the caller's best posts."""
        request = RankHomeRequest(limit=SLATE_MOST, excluded_post_ids=excluded)
        answer = await self._ranking.RankHome(request, timeout=self._budget_s)
        return Ranked(posts=answer.ranked, degraded=answer.degraded)

    async def explore(self, excluded: bytes) -> Ranked:
        """Return the best posts of people whom the caller does not follow."""
        request = RankExploreRequest(limit=SLATE_MOST, excluded_post_ids=excluded)
        answer = await self._ranking.RankExplore(request, timeout=self._budget_s)
        return Ranked(posts=answer.ranked, degraded=answer.degraded)
