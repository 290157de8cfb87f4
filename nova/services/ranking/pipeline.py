"""Which stages make a ranking: the sources by list, then merge, hydrate, score."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from prometheus_client import Counter

from nova.platform.clock import Clock
from nova.platform.errors import NovaError
from nova.platform.rpc.context import within
from nova.services.ranking.model import Candidates, LinearModel, Ranking, Recalled
from nova.services.ranking.stages.hydrate_features import hydrate
from nova.services.ranking.stages.merge_candidates import merge_candidates
from nova.services.ranking.stages.score_linear import ScoreLinear
from nova.services.ranking.stages.stage import Features, Query, Recall, Rows

SOURCE_TIMEOUT_S = 0.25
_log = structlog.get_logger(__name__)
LEFT_OUT = Counter("ranking_sources_left_out_total", "Sources that failed or were late.", ["source"])
RECALLED = Counter("ranking_recalled_total", "Candidates by the source that found them first.", ["source"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A list of sources, and what is done with what they find."""

    sources: Sequence[Recall]
    features: Features
    model: LinearModel
    score: ScoreLinear
    clock: Clock
    only_strangers: bool = False

    async def run(self, query: Query) -> Ranking:
        """Return the best posts for the viewer. A source that fails or is late is left out and named."""
        recalled, degraded = await self._recall(query)
        candidates = merge_candidates(query, recalled, only_strangers=self.only_strangers)
        for one in self.sources:
            RECALLED.labels(one.source.value).inc(candidates.sources.count(one.source))
        rows = await self._rows(candidates)
        if rows is None:
            degraded.append("features")
        features = hydrate(
            self.model,
            candidates,
            rows,
            following=query.following,
            personalised=query.personalised,
            now=self.clock.now(),
        )
        posts = self.score.rank(candidates, features, limit=query.limit)
        return Ranking(posts=posts, degraded=degraded, model=self.model.label)

    async def _recall(self, query: Query) -> tuple[list[Recalled], list[str]]:
        outcomes = await asyncio.gather(*(self._asked(source, query) for source in self.sources))
        found = [outcome for outcome in outcomes if outcome is not None]
        missing = [
            source.source.value
            for source, outcome in zip(self.sources, outcomes, strict=True)
            if outcome is None
        ]
        return found, missing

    async def _asked(self, source: Recall, query: Query) -> Recalled | None:
        try:
            async with within(SOURCE_TIMEOUT_S):
                return await source.recall(query)
        except (NovaError, TimeoutError) as error:
            self._left_out(source.source.value, error)
            return None

    async def _rows(self, candidates: Candidates) -> Rows | None:
        try:
            async with within(SOURCE_TIMEOUT_S):
                return await self.features.rows(candidates.post_ids, candidates.author_ids)
        except (NovaError, TimeoutError) as error:
            self._left_out("features", error)
            return None

    @staticmethod
    def _left_out(source: str, error: Exception) -> None:
        LEFT_OUT.labels(source).inc()
        _log.warning("source_left_out", source=source, error=repr(error))
