"""A page: candidates from sources, through filters, until it is full."""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog
from prometheus_client import Counter

from nova.services.feed.model import Candidate, Page, PartLost, Place, UserId
from nova.services.feed.stages.stage import Batch, Filter, Sifted, Source

ROUNDS: Final = 5
SPARE: Final = 5
MORE: Final = 100
MOST_AT_ONCE: Final = 400
"""Five rounds look at some 1,500 candidates at most; a page that is not full by then says where to go on."""
SHARE: Final = 0.8
"""Of the time that the caller has. A page that is not full by then goes as it is, and says for what it waited."""

REMOVED = Counter("feed_removed", "Candidates that came on no page.", ["reason"])
LEFT_OUT = Counter("feed_left_out", "Pages that a part was left out of.", ["part"])
_log = structlog.get_logger(__name__)


class OneAfterAnother:
    """Two sources as one: the second begins where the first ends."""

    def __init__(self, first: Source, second: Source) -> None:
        self._first: Source | None = first
        self._second = second

    async def take(self, want: int) -> Batch:
        """Return candidates of the first source while it has any, then of the second."""
        if self._first is not None:
            batch = await self._first.take(want)
            if not batch.more:
                self._first = None
            if batch.candidates:
                return Batch(candidates=batch.candidates, more=True)
        return await self._second.take(want)


async def fill(
    source: Source,
    filters: Sequence[Filter],
    viewer_id: UserId,
    *,
    size: int,
    start: Place,
    degraded: Sequence[str] = (),
) -> Page:
    """Return a page of at most `size` posts that pass all filters, from `start` on.

    `degraded` names what was left out before. A part without which nothing may be shown ends the page; it goes
    on from there when the part is back.
    """
    kept: list[Candidate] = []
    place, missing, want = start, list(degraded), size + SPARE
    for _ in range(ROUNDS):
        try:
            batch = await source.take(want)
            passed = await _sift(filters, viewer_id, batch.candidates, missing)
        except PartLost as lost:
            return ended(kept, place, [*missing, lost.part])
        for candidate in batch.candidates:
            if candidate.post_id in passed:
                passed.discard(candidate.post_id)
                kept.append(candidate)
            place = candidate.place
            if len(kept) == size:
                return ended(kept, place if passed or batch.more else None, missing)
        if not batch.more:
            return ended(kept, None, missing)
        if not batch.candidates:
            break
        want = min(max(2 * want, MORE), MOST_AT_ONCE)
    return ended(kept, place, missing)


def ended(items: Sequence[Candidate], place: Place | None, degraded: Sequence[str]) -> Page:
    """Return a page as it stands, with each part that was left out named once and counted."""
    names = list(dict.fromkeys(degraded))
    for name in names:
        LEFT_OUT.labels(name).inc()
    if names:
        _log.warning("feed_left_out", parts=names, items=len(items))
    return Page(items=items, next=place, degraded=names)


async def _sift(
    filters: Sequence[Filter], viewer_id: UserId, candidates: Sequence[Candidate], degraded: list[str]
) -> set[bytes]:
    """Return the ids that pass all filters, which are asked at once."""
    passed = {candidate.post_id for candidate in candidates}
    if not candidates:
        return passed
    for sifted in await _sifted(filters, viewer_id, candidates):
        degraded += sifted.degraded
        for post_id, reason in sifted.removed.items():
            if post_id in passed:
                passed.discard(post_id)
                REMOVED.labels(reason).inc()
    return passed


async def _sifted(
    filters: Sequence[Filter], viewer_id: UserId, candidates: Sequence[Candidate]
) -> list[Sifted]:
    """Ask all filters at once. When one raises, the others end."""
    try:
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(one.sift(viewer_id, candidates)) for one in filters]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed
    return [one.result() for one in asked]
