"""The timeline that was kept when the viewer last read, while follows or postings cannot be asked."""

from nova.platform.rpc.context import in_time
from nova.services.feed.model import FOLLOWING, InTime, PartLost, UserId
from nova.services.feed.stages.source_following import by_time
from nova.services.feed.stages.stage import LOST, Batch
from nova.services.feed.store.timelines import TIMELINE_MOST, Timelines


class SourceTimeline:
    """Gives the kept posts from a place on. There may always be more: only the newest are kept."""

    def __init__(self, timelines: Timelines, viewer_id: UserId, place: InTime) -> None:
        self._timelines = timelines
        self._viewer_id = viewer_id
        self._place = place

    async def take(self, want: int) -> Batch:
        """Return the next posts. Raises `PartLost` without Redis."""
        try:
            async with in_time():
                found = await self._timelines.page(
                    self._viewer_id.bytes, want=min(want, TIMELINE_MOST), before=self._place.before
                )
        except LOST as error:
            raise PartLost("timelines") from error
        candidates = by_time(found, self._place, source=FOLLOWING)
        if candidates:
            self._place = InTime(order=self._place.order, before=candidates[-1].post_id)
        return Batch(candidates=candidates, more=True)
