"""Removes what the viewer had seen before his slate was made."""

from collections.abc import Sequence

from nova.platform.rpc.context import in_time
from nova.services.feed.model import Candidate, UserId
from nova.services.feed.stages.stage import LOST, Sifted, without
from nova.services.feed.store.seen import SeenPosts


class FilterSeen:
    """Asks Redis about a moment (unix milliseconds); what is seen later stays, so that a page can be asked again."""

    def __init__(self, seen: SeenPosts, *, before_ms: int) -> None:
        self._seen = seen
        self._before_ms = before_ms

    async def sift(self, viewer_id: UserId, candidates: Sequence[Candidate]) -> Sifted:
        """Return what was not seen by then. Without Redis all pass."""
        post_ids = [candidate.post_id for candidate in candidates]
        try:
            async with in_time():
                seen = await self._seen.among(viewer_id, post_ids, before_ms=self._before_ms)
        except LOST:
            return Sifted(kept=candidates, degraded=["seen"])
        return without(candidates, dict.fromkeys(seen, "seen"))
