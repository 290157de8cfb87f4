"""The newest posts of everybody: what an explore page is made of when ranking is late."""

from nova.services.feed.model import FRESH, InTime, PartLost
from nova.services.feed.stages.source_following import by_time, pairs
from nova.services.feed.stages.stage import Batch
from nova.services.feed.store.postings import Postings


class SourceFresh:
    """Reads all posting lists from a place on."""

    def __init__(self, postings: Postings, place: InTime) -> None:
        self._postings = postings
        self._place = place

    async def take(self, want: int) -> Batch:
        """Return the next posts that everyone may see."""
        if not self._postings.loaded:
            raise PartLost("postings")
        found = pairs(self._postings.of_everyone(want=want + 1, before=self._place.before))
        candidates = by_time(found[:want], self._place, source=FRESH)
        if candidates:
            self._place = InTime(order=self._place.order, before=candidates[-1].post_id)
        return Batch(candidates=candidates, more=len(found) > want)
