"""Neighbours of ranking whose answers a test says."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import numpy as np

from nova.platform.clock import FixedClock
from nova.platform.errors import Unavailable
from nova.platform.ids import uuid7_at
from nova.services.ranking.model import OWN_FEATURES, UserId, load_model
from nova.services.ranking.pipeline import Pipeline
from nova.services.ranking.stages.recall_follows import RecallFollows
from nova.services.ranking.stages.recall_fresh import RecallFresh
from nova.services.ranking.stages.recall_popular import RecallPopular
from nova.services.ranking.stages.recall_second_degree import RecallSecondDegree
from nova.services.ranking.stages.recall_topic import RecallTopic
from nova.services.ranking.stages.score_linear import ScoreLinear
from nova.services.ranking.stages.stage import Query, Rows
from nova.services.ranking.store import EVERYONE, PostIndex, Posting

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
HOUR_MS = 3_600_000
DECLARED = tuple(name for name in load_model().features if name not in OWN_FEATURES)


def post_id(age_h: float, number: int = 0) -> bytes:
    """Return the id of a post made so many hours ago."""
    return uuid7_at(NOW_MS - int(age_h * HOUR_MS), number + 1).bytes


def person(number: int) -> UUID:
    return uuid7_at(NOW_MS - 10_000 * HOUR_MS, number + 1)


def posting(post: bytes, author: UUID, *, audience: int = EVERYONE, tags: Sequence[str] = ()) -> Posting:
    return Posting(post_id=post, author_id=author.bytes, audience=audience, tags=tags)


def query(viewer: UUID, *following: UUID, personalised: bool = True, limit: int = 100) -> Query:
    return Query(
        viewer_id=UserId(viewer),
        personalised=personalised,
        limit=limit,
        following=b"".join(one.bytes for one in following),
    )


@dataclass
class KnownGraph:
    """Plays graph: down, or so slow that it never answers."""

    people: bytes = b""
    followed: bytes = b""
    down: bool = False
    hangs: bool = False

    async def following(self) -> bytes:
        await self._answer()
        return self.followed

    async def second_degree(self, limit: int) -> bytes:
        await self._answer()
        return self.people

    async def _answer(self) -> None:
        if self.down:
            raise Unavailable
        if self.hangs:
            await asyncio.Event().wait()


@dataclass
class KnownFeatures:
    """Plays features: values by post and column; down, or so slow that it never answers."""

    values: dict[bytes, dict[str, float]] = field(default_factory=dict)
    liked_tags: Sequence[str] = ()
    leaders: tuple[bytes, bytes] = (b"", b"")
    columns: tuple[str, ...] = DECLARED
    down: bool = False
    hangs: bool = False

    async def rows(self, post_ids: bytes, author_ids: bytes) -> Rows:
        await self._answer()
        posts = [post_ids[at : at + 16] for at in range(0, len(post_ids), 16)]
        values = [[self.values.get(post, {}).get(column, 0.0) for column in self.columns] for post in posts]
        return Rows(columns=self.columns, values=np.array(values, np.float32).reshape(-1, len(self.columns)))

    async def topics(self, limit: int) -> Sequence[str]:
        await self._answer()
        return self.liked_tags[:limit]

    async def popular(self, limit: int) -> tuple[bytes, bytes]:
        await self._answer()
        return self.leaders

    async def declared(self) -> Sequence[str]:
        await self._answer()
        return self.columns

    async def _answer(self) -> None:
        if self.down:
            raise Unavailable
        if self.hangs:
            await asyncio.Event().wait()


@dataclass
class KnownSettings:
    """Plays user."""

    wish: bool = True
    down: bool = False

    async def personalised(self) -> bool:
        if self.down:
            raise Unavailable
        return self.wish


def index_of(*postings: Posting) -> PostIndex:
    index = PostIndex()
    index.put(postings)
    return index


def home(index: PostIndex, graph: KnownGraph, features: KnownFeatures, *, explore: bool = False) -> Pipeline:
    """Return the pipeline of the home ranking, or of explore, as the room is wired, on these neighbours."""
    model = load_model()
    beyond = (RecallSecondDegree(index, graph), RecallTopic(index, features), RecallPopular(features))
    return Pipeline(
        sources=(*beyond, RecallFresh(index)) if explore else (RecallFollows(index), *beyond),
        features=features,
        model=model,
        score=ScoreLinear(model),
        clock=FixedClock(NOW),
        only_strangers=explore,
    )
