"""How feed is put together."""

import asyncio

import structlog

from nova.api.content.v1.content_pb2_grpc import ContentServiceStub
from nova.api.feed.v1.feed_pb2_grpc import add_FeedServiceServicer_to_server
from nova.api.graph.v1.graph_pb2_grpc import GraphServiceStub
from nova.api.ranking.v1.ranking_pb2_grpc import RankingServiceStub
from nova.api.user.v1.user_pb2 import ListMutedWordsResponse
from nova.api.user.v1.user_pb2_grpc import UserServiceStub
from nova.platform.backoff import Backoff
from nova.platform.cache.codec import ProtoCodec
from nova.platform.consumer import Consumer
from nova.platform.db.idempotency import Once
from nova.platform.errors import Unavailable
from nova.platform.platform import Platform
from nova.platform.projection import Projection
from nova.platform.room import Room
from nova.platform.rpc.binding import ServiceBinding
from nova.platform.tasks import Tasks
from nova.platform.verification import Audit
from nova.policy.caches import MUTED_WORDS
from nova.services.feed import events
from nova.services.feed.clients import ContentPosts, GraphPeople, RankingSlates, UserWords
from nova.services.feed.consumers import Consumers, Following
from nova.services.feed.server import FeedServer
from nova.services.feed.service.explore import Explore
from nova.services.feed.service.home import Home
from nova.services.feed.service.keeping import Keeping
from nova.services.feed.service.marking import Marking
from nova.services.feed.service.ranked import Freezing
from nova.services.feed.stages.filter_dismissed import FilterDismissed
from nova.services.feed.stages.filter_muted_words import FilterMutedWords
from nova.services.feed.stages.filter_visible import FilterVisible
from nova.services.feed.stages.stage import LOST
from nova.services.feed.store.dismissals import DismissalStore, FeedTx
from nova.services.feed.store.postings import Postings
from nova.services.feed.store.readers import Readers
from nova.services.feed.store.seen import SeenPosts
from nova.services.feed.store.slates import Slates
from nova.services.feed.store.timelines import Timelines

_log = structlog.get_logger(__name__)


def build(platform: Platform) -> Room:
    """Return the feed room on the house's floor."""
    dismissals = DismissalStore(platform.database("feed"), clock=platform.clock)
    postings, seen = Postings(), SeenPosts(platform.redis)
    slates, timelines = Slates(platform.redis), Timelines(platform.redis)
    content = ContentPosts(ContentServiceStub(platform.channel("content")))
    people = GraphPeople(GraphServiceStub(platform.channel("graph")))
    ranking = RankingSlates(RankingServiceStub(platform.channel("ranking")))
    keeping = Keeping(postings=postings, readers=Readers(), timelines=timelines, clock=platform.clock)
    freezing = Freezing(
        slates=slates, seen=seen, dismissals=dismissals, postings=postings, clock=platform.clock
    )
    words = UserWords(
        UserServiceStub(platform.channel("user")),
        # What somebody has muted is gone with his next page, and that may come before the news from user's process.
        platform.caches.open(MUTED_WORDS, ProtoCodec(ListMutedWordsResponse), ttl_s=0),
        clock=platform.clock,
    )
    unwanted = FilterDismissed(dismissals), FilterMutedWords(words=words, posts=content)
    server = FeedServer(
        home=Home(
            postings=postings,
            slates=slates,
            timelines=timelines,
            seen=seen,
            people=people,
            ranking=ranking,
            freezing=freezing,
            keeping=keeping,
            filters=(*unwanted, FilterVisible(posts=content, people=people)),
        ),
        explore=Explore(
            postings=postings,
            slates=slates,
            ranking=ranking,
            freezing=freezing,
            filters=(*unwanted, FilterVisible(posts=content, people=people, only_strangers=True)),
        ),
        marking=Marking(dismissals=dismissals, seen=seen, posts=content, clock=platform.clock),
        once=Once(platform.database("feed")),
    )
    following = Following(postings=postings, content=content, keeping=keeping)
    projection = _projection(platform, following)
    loading = Loading(projection, postings, platform.tasks)
    platform.health.add("feed-postings", loading.check)
    return Room(
        name="feed",
        bindings=[ServiceBinding(add_to_server=add_FeedServiceServicer_to_server, servicer=server)],
        consumers=[_consumer(platform)],
        startables=[loading],
        projections={"feed": Audit(following.compare, caught_up=projection.caught_up)},
    )


def _projection(platform: Platform, following: Following) -> Projection:
    return Projection(
        name="feed-postings",
        log=platform.log,
        load=following.load,
        handlers={
            events.POST_CREATED: following.posts_created,
            events.POST_UPDATED: following.posts_updated,
            events.POST_DELETED: following.posts_deleted,
            events.FOLLOW_CREATED: following.follows_changed,
            events.FOLLOW_DELETED: following.follows_changed,
        },
        clock=platform.clock,
        tracing=platform.tracing,
    )


def _consumer(platform: Platform) -> Consumer[FeedTx]:
    return Consumer(
        group="feed",
        database=platform.database("feed"),
        tx_type=FeedTx,
        log=platform.log,
        handlers={events.POST_DELETED: Consumers().posts_deleted},
        clock=platform.clock,
        tracing=platform.tracing,
    )


class PostingsLoading(Unavailable):
    """The posts are still being read: timelines answer meanwhile."""


class Loading:
    """Loads the postings; while content cannot be reached the room serves timelines, and is not ready."""

    def __init__(self, projection: Projection, postings: Postings, tasks: Tasks) -> None:
        self._projection = projection
        self._postings = postings
        self._tasks = tasks
        self._retries = Backoff(first_s=0.05, longest_s=1.0)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load and follow; go on trying in the background when that cannot be done at once."""
        if not await self._loaded():
            self._task = self._tasks.spawn("feed-loading", self._keep_trying(), critical=True)

    async def stop(self) -> None:
        """Follow no more."""
        if self._task is not None:
            await self._tasks.cancel(self._task)
        await self._projection.stop()

    async def check(self) -> None:
        """Raise `PostingsLoading` until they are loaded: a check for `Health`."""
        if not self._postings.loaded:
            raise PostingsLoading

    async def _keep_trying(self) -> None:
        failures = 0
        loaded = False
        while not loaded:
            failures += 1
            await asyncio.sleep(self._retries.wait_s(failures))
            loaded = await self._loaded()

    async def _loaded(self) -> bool:
        try:
            await self._projection.start()
        except LOST as error:
            _log.warning("feed_loading_failed", error=repr(error))
            return False
        return True
