"""Carries out what the people of a world do, through the rooms, as any other client's calls."""

import asyncio
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from nova.api.content.v1.content_pb2 import CONTENT_TYPE_TEXT, CreatePostRequest
from nova.api.content.v1.content_pb2_grpc import ContentServiceStub
from nova.api.feed.v1.feed_pb2 import FEED_MODE_FOLLOWING, GetHomePageRequest
from nova.api.feed.v1.feed_pb2_grpc import FeedServiceStub
from nova.api.graph.v1.graph_pb2 import FollowUserRequest
from nova.api.graph.v1.graph_pb2_grpc import GraphServiceStub
from nova.api.identity.v1.identity_pb2 import Device, SignInRequest
from nova.api.identity.v1.identity_pb2_grpc import IdentityServiceStub
from nova.api.social.v1.social_pb2 import AddCommentRequest, LikePostRequest
from nova.api.social.v1.social_pb2_grpc import SocialServiceStub
from nova.app.house import House
from nova.app.logins import PASSWORD
from nova.app.seed import Plan
from nova.app.world.life import Act, CommentAct, FollowAct, Life, LikeAct, PostAct
from nova.app.world.model import Person
from nova.platform.auth.actor import Actor
from nova.platform.errors import NovaError
from nova.platform.rpc.context import CallContext, entered

_RENEW_BEFORE = timedelta(minutes=5)
_FEED_PAGE = 10
_log = structlog.get_logger(__name__)


class Living:
    """Lets the people of a world live. `run` goes on until it is cancelled."""

    def __init__(self, plan: Plan, house: House) -> None:
        self._plan = plan
        self._house = house
        self._signed_in: dict[uuid.UUID, tuple[Actor, datetime]] = {}
        self._identity = IdentityServiceStub(house.channel("identity"))
        self._content = ContentServiceStub(house.channel("content"))
        self._social = SocialServiceStub(house.channel("social"))
        self._graph = GraphServiceStub(house.channel("graph"))
        self._feed = FeedServiceStub(house.channel("feed"))

    async def run(self) -> None:
        """Act after act. One that fails is logged, and life goes on."""
        world = await asyncio.to_thread(self._plan.world)
        # Another course of life at each start: the same people would else say the same things again.
        life = Life(world, seed=self._plan.seed + int(self._house.clock.now().timestamp()))
        for act in life.acts():
            await asyncio.sleep(act.after_s)
            try:
                await self._do(act)
            except NovaError as error:
                _log.info("act_failed", act=type(act).__name__, reason=error.reason)

    async def _do(self, act: Act) -> None:
        actor = await self._actor(act.person)
        with entered(CallContext(actor=actor, correlation_id=f"life-{uuid.uuid4()}")):
            match act:
                case PostAct():
                    await self._content.CreatePost(
                        CreatePostRequest(caption=act.caption, tags=act.tags, content_type=CONTENT_TYPE_TEXT)
                    )
                case LikeAct():
                    for post_id in await self._seen(act.place):
                        await self._social.LikePost(LikePostRequest(post_id=post_id))
                case CommentAct():
                    for post_id in await self._seen(act.place):
                        await self._social.AddComment(AddCommentRequest(post_id=post_id, text=act.text))
                case FollowAct():
                    if act.followee_id != actor.user_id:
                        await self._graph.FollowUser(FollowUserRequest(user_id=act.followee_id.bytes))

    async def _seen(self, place: int) -> Sequence[bytes]:
        """Return the post at a place of the caller's feed, or the last; nothing while his feed is empty."""
        page = await self._feed.GetHomePage(
            GetHomePageRequest(mode=FEED_MODE_FOLLOWING, page_size=_FEED_PAGE)
        )
        return [item.post_id for item in page.items[: place + 1][-1:]]

    async def _actor(self, person: Person) -> Actor:
        """Return a person signed in; his token is kept until shortly before it expires."""
        known = self._signed_in.get(person.id)
        if known is not None and self._house.clock.now() < known[1] - _RENEW_BEFORE:
            return known[0]
        with entered(CallContext(correlation_id=f"life-{uuid.uuid4()}")):
            answer = await self._identity.SignIn(
                SignInRequest(
                    login=person.handle, password=PASSWORD, device=Device(user_agent="the living world")
                )
            )
        verified = await self._house.platform.verifier.verify(answer.tokens.access_token)
        self._signed_in[person.id] = (verified.actor, verified.expires_at)
        return verified.actor
