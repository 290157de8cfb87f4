"""What a generated world has too little of: people who hide things from others whom they have met before.

The generator keeps apart whom a block parts, so that there nothing is ever left to be hidden. Here people react first,
and close their doors after.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from uuid import UUID

from nova.api.content.v1 import content_pb2
from nova.api.content.v1.content_pb2_grpc import ContentServiceStub
from nova.api.graph.v1 import graph_pb2
from nova.api.graph.v1.graph_pb2_grpc import GraphServiceStub
from nova.api.social.v1 import social_pb2
from nova.api.social.v1.social_pb2_grpc import SocialServiceStub
from nova.api.user.v1 import user_pb2
from nova.api.user.v1.user_pb2_grpc import UserServiceStub
from nova.app.house import House
from nova.app.world.model import World
from nova.platform.errors import NotFound
from nova.policy.relations import Relation
from tests.e2e.recount import patiently
from tests.waiting import until

AT_ONCE: Final = 12
_HERMITS, _BLOCKS_EACH, _MUTES, _PRIVATE, _CHOSEN, _SHARES, _LIKES = 15, 20, 40, 20, 150, 250, 500


@dataclass
class Unrest:
    """The stubs by which people act, `acting` as whom, and what became of it."""

    house: House
    world: World
    acting: Callable[[UUID], AbstractContextManager[Any]]
    blocks: set[tuple[UUID, UUID]] = field(default_factory=set)
    private: list[UUID] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(7)
        self._people = [person.id for person in self.world.people]
        self._content = ContentServiceStub(self.house.channel("content"))
        self._graph = GraphServiceStub(self.house.channel("graph"))
        self._social = SocialServiceStub(self.house.channel("social"))
        self._user = UserServiceStub(self.house.channel("user"))

    async def break_out(self) -> None:
        """Have people share, like, choose their audiences, go private, mute and block; return when all know of it."""
        await self._each(self._shares())
        await self._each(self._likes())
        await self._each(self._audiences())
        await self._each(self._closings())
        await self._each(self._mutes())
        await self._each(self._blockings())
        await until(self._is_known, within_s=120)

    def _shares(self) -> Iterable[Awaitable[object]]:
        for _ in range(_SHARES):
            request = social_pb2.SharePostRequest(post_id=self._chance.choice(self.world.posts).id.bytes)
            yield self._as(self._chance.choice(self._people), partial(self._social.SharePost, request))

    def _likes(self) -> Iterable[Awaitable[object]]:
        for _ in range(_LIKES):
            comment = self._chance.choice(self.world.comments)
            request = social_pb2.LikeCommentRequest(comment_id=comment.id.bytes)
            yield self._as(self._chance.choice(self._people), partial(self._social.LikeComment, request))

    def _audiences(self) -> Iterable[Awaitable[object]]:
        for post in self._chance.sample(self.world.posts, _CHOSEN):
            chosen = [user_id.bytes for user_id in self._chance.sample(self._people, 5)]
            request = content_pb2.EditPostRequest(
                post_id=post.id.bytes, audience=content_pb2.AUDIENCE_CHOSEN, audience_user_ids=chosen
            )
            yield self._as(post.author_id, partial(self._content.EditPost, request))

    def _closings(self) -> Iterable[Awaitable[object]]:
        self.private = self._chance.sample(self._people, _PRIVATE)
        request = user_pb2.UpdateProfileRequest(is_private=True)
        return [self._as(user_id, partial(self._user.UpdateProfile, request)) for user_id in self.private]

    def _mutes(self) -> Iterable[Awaitable[object]]:
        for _ in range(_MUTES):
            muter, muted = self._chance.sample(self._people, 2)
            request = user_pb2.MuteUserRequest(user_id=muted.bytes)
            yield self._as(muter, partial(self._user.MuteUser, request))

    def _blockings(self) -> Iterable[Awaitable[object]]:
        """Each hermit blocks people whom he knows: who follow him, and who like what he wrote."""
        hermits = self._chance.sample(self._people, _HERMITS)
        known: dict[UUID, set[UUID]] = {hermit: set() for hermit in hermits}
        authors = {post.id: post.author_id for post in self.world.posts}
        for follow in self.world.follows:
            if follow.followee_id in known:
                known[follow.followee_id].add(follow.follower_id)
        for like in self.world.likes:
            if authors[like.post_id] in known:
                known[authors[like.post_id]].add(like.user_id)
        for hermit in hermits:
            for other in self._chance.sample(sorted(known[hermit]), min(_BLOCKS_EACH, len(known[hermit]))):
                if (other, hermit) not in self.blocks:
                    self.blocks.add((hermit, other))
                    request = user_pb2.BlockUserRequest(user_id=other.bytes)
                    yield self._as(hermit, partial(self._user.BlockUser, request))

    async def _as(self, user_id: UUID, act: Callable[[], Awaitable[object]]) -> None:
        """Have somebody act, unless what he means is hidden from him: then nothing happens."""
        with self.acting(user_id):
            try:
                await patiently(act)
            except NotFound:
                return

    async def _each(self, acts: Iterable[Awaitable[object]]) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(act: Awaitable[object]) -> None:
            async with gate:
                await act

        await asyncio.gather(*(one(act) for act in acts))

    async def _is_known(self) -> bool:
        """Return whether graph has heard of every block and every private account."""
        private = await self._relations(
            self._people[0], [one for one in self.private if one != self._people[0]]
        )
        if not all(relation & Relation.PRIVATE for relation in private):
            return False
        ties = Relation.FOLLOWS | Relation.FOLLOWED_BY
        for hermit in {blocker for blocker, _ in self.blocks}:
            blocked = [other for blocker, other in self.blocks if blocker == hermit]
            relations = await self._relations(hermit, blocked)
            if not all(relation & Relation.BLOCKS and not relation & ties for relation in relations):
                return False
        return True

    async def _relations(self, viewer: UUID, subjects: Sequence[UUID]) -> list[Relation]:
        request = graph_pb2.GetRelationsRequest(subject_ids=[subject.bytes for subject in subjects])
        with self.acting(viewer):
            answer = await patiently(partial(self._graph.GetRelations, request))
        return [Relation(bits) for bits in answer.relations]
