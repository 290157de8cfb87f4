"""One viewer counts again what he was told: every count beside the list that he himself walks, by the rooms' RPCs."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from uuid import UUID

from nova.api.content.v1 import content_pb2
from nova.api.content.v1.content_pb2_grpc import ContentServiceStub
from nova.api.graph.v1 import graph_pb2
from nova.api.graph.v1.graph_pb2_grpc import GraphServiceStub
from nova.api.social.v1 import social_pb2
from nova.api.social.v1.social_pb2_grpc import SocialServiceStub
from nova.app.house import House
from nova.native.ids import unpack
from nova.platform.errors import NotFound, Timeout, Unavailable

PAGE: Final = 100
BATCH: Final = 200
MOST_TRIES: Final = 20

R = TypeVar("R")


@dataclass
class Tally:
    """How many counts were compared, where they differed, and how many were less than what there is."""

    compared: int = 0
    wrong: list[str] = field(default_factory=list)
    lessened: int = 0
    """Posts of which the viewer sees less than there is: without any, a walk would prove little."""

    def compare(self, what: str, count: int, walked: Sequence[object]) -> None:
        """Note whether a count is the length of a list, and whether the list names nobody twice."""
        self.compared += 1
        if count != len(walked) or len(set(walked)) != len(walked):
            self.wrong.append(f"{what}: {count} counted, {len(walked)} walked ({len(set(walked))} different)")

    def add(self, other: "Tally") -> None:
        """Take over what another has found."""
        self.compared += other.compared
        self.wrong += other.wrong
        self.lessened += other.lessened


@dataclass(frozen=True)
class Truth:
    """What there is, whoever asks: who shared a post and who likes a comment, for these are on no list."""

    sharers: Mapping[bytes, frozenset[UUID]]
    comment_likers: Mapping[bytes, frozenset[UUID]]
    totals: Mapping[bytes, tuple[int, int, int]]
    """Likes, comments and shares of each post."""


class Recount:
    """A viewer's walk. It is run inside his call context."""

    def __init__(self, house: House, truth: Truth) -> None:
        self._content = ContentServiceStub(house.channel("content"))
        self._graph = GraphServiceStub(house.channel("graph"))
        self._social = SocialServiceStub(house.channel("social"))
        # Who is hidden from whom is told to rooms alone.
        self._blocks = GraphServiceStub(house.channel("graph", caller="social"))
        self._truth = truth

    async def people(self, viewer: str, user_ids: Sequence[UUID]) -> Tally:
        """Compare the three counts of each profile with its lists."""
        tally = Tally()
        for start in range(0, len(user_ids), BATCH):
            batch = user_ids[start : start + BATCH]
            ids = [user_id.bytes for user_id in batch]
            follows = (
                await self._graph.GetFollowCounts(graph_pb2.GetFollowCountsRequest(user_ids=ids))
            ).counts
            posts = (await self._content.CountPosts(content_pb2.CountPostsRequest(author_ids=ids))).counts
            for user_id, counts, post_count in zip(batch, follows, posts, strict=True):
                who = f"{viewer} at {user_id}"
                followers = await self._edges(
                    self._graph.ListFollowers, graph_pb2.ListFollowersRequest, user_id
                )
                following = await self._edges(
                    self._graph.ListFollowing, graph_pb2.ListFollowingRequest, user_id
                )
                tally.compare(f"{who}: followerCount", counts.follower_count, followers)
                tally.compare(f"{who}: followingCount", counts.following_count, following)
                tally.compare(f"{who}: postCount", post_count, await self._posts_of(user_id))
        return tally

    async def posts(self, viewer: str, post_ids: Sequence[UUID]) -> Tally:
        """Compare the counts of each post, and of each comment under it, with what can be walked."""
        tally = Tally()
        hidden = frozenset(unpack((await self._blocks.GetHidden(graph_pb2.GetHiddenRequest())).user_ids))
        for start in range(0, len(post_ids), BATCH):
            ids = [post_id.bytes for post_id in post_ids[start : start + BATCH]]
            answer = await self._social.GetPostStates(social_pb2.GetPostStatesRequest(post_ids=ids))
            states = {state.post_id: state for state in answer.states}
            threads = await self._threads(ids)
            for post_id in ids:
                where = f"{viewer} at {UUID(bytes=post_id)}"
                # A post that he does not see has no state, no likers, and no comments.
                state = states.get(post_id, social_pb2.PostState())
                sharers = self._truth.sharers.get(post_id, frozenset()) - hidden if post_id in states else ()
                tally.compare(f"{where}: likeCount", state.like_count, await self._likers(post_id))
                tally.compare(f"{where}: shareCount", state.share_count, list(sharers))
                comments = threads[post_id]
                tally.compare(
                    f"{where}: commentCount", state.comment_count, [one.comment_id for one in comments]
                )
                told = (state.like_count, state.comment_count, state.share_count)
                tally.lessened += post_id in states and told != self._truth.totals.get(post_id, (0, 0, 0))
                self._comments(where, comments, hidden, tally)
        return tally

    def _comments(
        self, where: str, comments: Sequence[social_pb2.Comment], hidden: frozenset[UUID], tally: Tally
    ) -> None:
        for comment in comments:
            what = f"{where}: comment {UUID(bytes=comment.comment_id)}"
            likers = self._truth.comment_likers.get(comment.comment_id, frozenset()) - hidden
            replies = [one.comment_id for one in comments if one.parent_id == comment.comment_id]
            tally.compare(f"{what}: likeCount", comment.like_count, list(likers))
            tally.compare(f"{what}: replyCount", comment.reply_count, replies)

    async def _threads(self, post_ids: Sequence[bytes]) -> dict[bytes, list[social_pb2.Comment]]:
        """Return all that can be walked under each post: the top level, and level by level what hangs below."""
        found: dict[bytes, list[social_pb2.Comment]] = {post_id: [] for post_id in post_ids}
        level = await self._level(post_ids, replies=False)
        while level:
            for comment in level:
                found[comment.post_id].append(comment)
            level = await self._level([comment.comment_id for comment in level], replies=True)
        return found

    async def _level(self, parents: Sequence[bytes], *, replies: bool) -> list[social_pb2.Comment]:
        """Return all comments directly below posts or, with `replies`, below comments."""
        found: list[social_pb2.Comment] = []
        for start in range(0, len(parents), BATCH):
            batch = parents[start : start + BATCH]
            threads = (await self._social.ListComments(_below(batch, replies=replies))).threads
            for parent, thread in zip(batch, threads, strict=True):
                found += thread.comments
                token = thread.next_page_token
                while token:
                    rest = await self._social.ListComments(_below([parent], token, replies=replies))
                    found += rest.threads[0].comments
                    token = rest.threads[0].next_page_token
        return found

    async def _likers(self, post_id: bytes) -> list[bytes]:
        async def page(token: bytes) -> tuple[list[bytes], bytes]:
            request = social_pb2.ListLikersRequest(post_id=post_id, page_size=PAGE, page_token=token)
            answer = await self._social.ListLikers(request)
            return [edge.user_id for edge in answer.edges], answer.next_page_token

        try:
            return await _walked(page)
        except NotFound:
            return []

    async def _posts_of(self, user_id: UUID) -> list[bytes]:
        async def page(token: bytes) -> tuple[list[bytes], bytes]:
            request = content_pb2.ListPostsByAuthorRequest(
                author_id=user_id.bytes, page_size=PAGE, page_token=token
            )
            answer = await self._content.ListPostsByAuthor(request)
            return [post.post_id for post in answer.posts], answer.next_page_token

        return await _walked(page)

    @staticmethod
    async def _edges(method: Any, request: Any, user_id: UUID) -> list[bytes]:
        async def page(token: bytes) -> tuple[list[bytes], bytes]:
            answer = await method(request(user_id=user_id.bytes, page_size=PAGE, page_token=token))
            return [edge.user_id for edge in answer.edges], answer.next_page_token

        return await _walked(page)


async def patiently(ask: Callable[[], Awaitable[R]]) -> R:
    """Return what is answered: on a busy machine a room may be late, and is asked again."""
    for _ in range(MOST_TRIES - 1):
        try:
            return await ask()
        except (Timeout, Unavailable):
            continue
    return await ask()


def _below(parents: Sequence[bytes], token: bytes = b"", *, replies: bool) -> social_pb2.ListCommentsRequest:
    request = social_pb2.ListCommentsRequest(page_size=PAGE, page_token=token)
    (request.comment_ids if replies else request.post_ids).extend(parents)
    return request


async def _walked(page: Callable[[bytes], Awaitable[tuple[list[bytes], bytes]]]) -> list[bytes]:
    """Return the entries of all pages."""
    found: list[bytes] = []
    token = b""
    while True:
        entries, token = await page(token)
        found += entries
        if not token:
            return found
