"""A frozen ranking, entry by entry."""

from dataclasses import replace

from nova.platform.rpc.context import in_time
from nova.services.feed.model import Candidate, InSlate, PartLost, UserId
from nova.services.feed.stages.stage import LOST, Batch
from nova.services.feed.store.slates import Slates


class SourceSlate:
    """Reads a slate from a place on."""

    def __init__(self, slates: Slates, viewer_id: UserId, place: InSlate) -> None:
        self._slates = slates
        self._viewer_id = viewer_id
        self._place = place

    async def take(self, want: int) -> Batch:
        """Return the next entries. Raises `SlateGone`, and `PartLost` without Redis."""
        try:
            async with in_time():
                entries, length = await self._slates.part(self._viewer_id, self._place, want=want)
        except LOST as error:
            raise PartLost("slates") from error
        candidates = [
            Candidate(
                post_id=entry.post_id,
                author_id=entry.author_id,
                place=replace(self._place, offset=offset),
                source=entry.source,
                score=entry.score,
                reasons=entry.reasons,
            )
            for offset, entry in enumerate(entries, self._place.offset + 1)
        ]
        if candidates:
            self._place = replace(self._place, offset=self._place.offset + len(candidates))
        return Batch(candidates=candidates, more=self._place.offset < length)
