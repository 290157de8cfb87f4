"""The verbs of ranking."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from nova.platform.auth.actor import Actor
from nova.platform.errors import NovaError
from nova.platform.rpc.context import within
from nova.services.ranking.model import Ranking, Source, UserId
from nova.services.ranking.pipeline import LEFT_OUT, SOURCE_TIMEOUT_S, Pipeline
from nova.services.ranking.stages.stage import Graph, Query, Settings

T = TypeVar("T")
_log = structlog.get_logger(__name__)


class Rankings:
    """Ranks for the caller."""

    def __init__(self, *, home: Pipeline, explore: Pipeline, graph: Graph, settings: Settings) -> None:
        self._home = home
        self._explore = explore
        self._graph = graph
        self._settings = settings

    async def home(self, actor: Actor, *, limit: int, excluded: Sequence[bytes]) -> Ranking:
        """Return the caller's best posts."""
        return await self._run(self._home, actor, limit, excluded)

    async def explore(self, actor: Actor, *, limit: int, excluded: Sequence[bytes]) -> Ranking:
        """Return the best posts of people whom the caller does not follow."""
        return await self._run(self._explore, actor, limit, excluded)

    async def _run(self, pipeline: Pipeline, actor: Actor, limit: int, excluded: Sequence[bytes]) -> Ranking:
        actor.require("feed:read")
        degraded: list[str] = []
        following, personalised = await asyncio.gather(
            _or_else(self._graph.following, b"", Source.FOLLOWS.value, degraded),
            # Whose wish is not known is not profiled.
            _or_else(self._settings.personalised, False, "settings", degraded),
        )
        query = Query(
            viewer_id=UserId(actor.user_id),
            personalised=personalised,
            limit=limit,
            following=following,
            excluded=frozenset(excluded),
        )
        ranking = await pipeline.run(query)
        names = dict.fromkeys((*degraded, *ranking.degraded))
        return Ranking(posts=ranking.posts, degraded=list(names), model=ranking.model)


async def _or_else(ask: Callable[[], Awaitable[T]], otherwise: T, name: str, degraded: list[str]) -> T:
    """Return the answer; when it fails or is late, `otherwise`, and note the `name` of what is missing."""
    try:
        async with within(SOURCE_TIMEOUT_S):
            return await ask()
    except (NovaError, TimeoutError) as error:
        LEFT_OUT.labels(name).inc()
        _log.warning("source_left_out", source=name, error=repr(error))
        degraded.append(name)
        return otherwise
