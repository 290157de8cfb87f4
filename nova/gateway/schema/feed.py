"""The home feed, and what lies beyond it: posts with the reasons why each is there."""

from collections.abc import Sequence
from enum import Enum

import strawberry

from nova.api.feed.v1 import feed_pb2
from nova.gateway.connections import Found, Listing, PageInfo, first_or_default, found
from nova.gateway.context import Info
from nova.gateway.facts import Asked, Page, Rpc, Stage, Stages, facts_by
from nova.gateway.global_ids import Kind, bytes_of
from nova.gateway.schema.calls import POSTS, changing, presented, single
from nova.gateway.schema.content import Post, Wanted, show_posts
from nova.gateway.schema.fields import field
from nova.gateway.schema.mutations import MutationInput, Payload, mutation
from nova.platform.errors import InvalidArgument

_SEEN_MOST = 200


@strawberry.enum(description="How the home feed is ordered.")
class FeedMode(Enum):
    """As feed's protobuf numbers it."""

    RANKED = feed_pb2.FEED_MODE_RANKED
    FOLLOWING = feed_pb2.FEED_MODE_FOLLOWING


@strawberry.type(description="One addend of a score.")
class Contribution:
    """One addend of a score: value x weight."""

    name: str
    value: float
    weight: float


@strawberry.type(description="Why a post is in a feed. The contributions' value x weight sum to the score.")
class FeedReason:
    """Why a post is in a feed."""

    source: str = strawberry.field(description="What found it: follows, second_degree, popular, topic.")
    score: float
    experiment: str | None
    contributions: list[Contribution]

    @classmethod
    def of(cls, item: feed_pb2.FeedItem) -> "FeedReason":
        """Return the reason of an item."""
        return cls(
            source=item.source,
            score=item.score,
            experiment=None,
            contributions=[
                Contribution(name=name, value=value, weight=weight)
                for name, value, weight in zip(item.features, item.values, item.weights, strict=True)
            ],
        )


@strawberry.type(description="A post at its place in a feed, and why it is there.")
class FeedEdge:
    """A post at its place in a feed."""

    cursor: str
    node: Post
    why: FeedReason


@strawberry.type(description="One page of a feed.")
class FeedConnection:
    """One page of a feed."""

    edges: list[FeedEdge]
    page_info: PageInfo


@strawberry.input
class MarkSeenInput(MutationInput):
    """What was on the screen, 200 at most."""

    post_ids: list[strawberry.ID]


@strawberry.type
class MarkSeenPayload(Payload):
    """What was noted."""

    seen_post_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list,
        description="As they were given; one that names no post says nothing to the feeds.",
    )


@strawberry.input
class NotInterestedInput(MutationInput):
    """Which post."""

    post_id: strawberry.ID


@strawberry.type
class NotInterestedPayload(Payload):
    """What will not be shown again."""

    post_id: strawberry.ID | None = None


def _feed_stages(method: str) -> Stages:
    def stages(asked: Asked) -> Sequence[Stage]:
        completed = presented(asked, "edges", "node", keys=asked.size)
        posts = (Rpc(POSTS.method, keys=asked.size),)
        return [(single(method),), posts + (completed[0] if completed else ())]

    return stages


@strawberry.type
class FeedQueries:
    """The feeds."""

    @field(
        description="Posts of those whom the viewer follows, and of others in RANKED.",
        metadata=facts_by(_feed_stages("feed.GetHomePage"), page=Page()),
    )
    async def home_feed(
        self,
        info: Info,
        first: int | None = strawberry.UNSET,
        after: str | None = strawberry.UNSET,
        mode: FeedMode = FeedMode.RANKED,
    ) -> FeedConnection | None:
        """Return one page of the home feed."""
        context = info.context
        listing = context.listing(f"homeFeed:{mode.name}", after)
        request = feed_pb2.GetHomePageRequest(
            mode=feed_pb2.FeedMode.ValueType(mode.value),
            page_size=first_or_default(first),
            page_token=listing.token(),
        )
        answer = await context.ask(context.rooms.feed.GetHomePage, request)
        page = found(answer.items, lambda item: item.page_token, answer.next_page_token)
        return await _feed(info, listing, page, answer.degraded)

    @field(
        description="Posts from beyond the viewer's follows.",
        metadata=facts_by(_feed_stages("feed.GetExplorePage"), page=Page()),
    )
    async def explore(
        self, info: Info, first: int | None = strawberry.UNSET, after: str | None = strawberry.UNSET
    ) -> FeedConnection | None:
        """Return one page of what lies beyond."""
        context = info.context
        listing = context.listing("explore", after)
        request = feed_pb2.GetExplorePageRequest(
            page_size=first_or_default(first), page_token=listing.token()
        )
        answer = await context.ask(context.rooms.feed.GetExplorePage, request)
        page = found(answer.items, lambda item: item.page_token, answer.next_page_token)
        return await _feed(info, listing, page, answer.degraded)


async def _feed(
    info: Info, listing: Listing, page: Found[feed_pb2.FeedItem], degraded: Sequence[str]
) -> FeedConnection:
    """Return a page with its posts. Posts, authors and states are asked for together: feed knows the ids."""
    context = info.context
    for source in degraded:
        context.degrade(source)
    items = [item for _, item in page.sources]
    post_ids = [item.post_id for item in items]
    wanted = Wanted.below(info, "edges", "node")
    if wanted.authors:
        context.readers.people.want([item.author_id for item in items])
    if wanted.states:
        context.readers.states.want(post_ids)
    sources = await context.readers.load_or_without("content", context.readers.posts, post_ids)
    posts = await show_posts(context, sources, wanted)
    edges = [
        FeedEdge(cursor=listing.seal(token), node=post, why=FeedReason.of(item))
        for (token, item), post in zip(page.sources, posts, strict=True)
        if post is not None
    ]
    return FeedConnection(edges=edges, page_info=listing.page_info(page))


@strawberry.type
class FeedMutations:
    """What the viewer tells the feeds."""

    @mutation("Notes what was seen; ranked feeds made later leave it out.", changing("feed.MarkSeen"))
    async def mark_seen(self, info: Info, input: MarkSeenInput) -> MarkSeenPayload:  # noqa: A002 - the contract's name
        """Note what was seen."""
        context = info.context
        if len(input.post_ids) > _SEEN_MOST:
            raise InvalidArgument(f"At most {_SEEN_MOST} ids.", field="post_ids")
        request = feed_pb2.MarkSeenRequest(post_ids=[bytes_of(one, Kind.POST) for one in input.post_ids])
        await context.change(context.rooms.feed.MarkSeen, request, key=input.idempotency_key)
        return MarkSeenPayload(seen_post_ids=input.post_ids)

    @mutation("Keeps a post out of the viewer's feeds.", changing("feed.NotInterested"))
    async def not_interested(self, info: Info, input: NotInterestedInput) -> NotInterestedPayload:  # noqa: A002 - as above
        """Keep a post out."""
        context = info.context
        request = feed_pb2.NotInterestedRequest(post_id=bytes_of(input.post_id, Kind.POST))
        await context.change(context.rooms.feed.NotInterested, request, key=input.idempotency_key)
        return NotInterestedPayload(post_id=input.post_id)
