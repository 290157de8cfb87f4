"""Removes what the viewer is not interested in."""

from collections.abc import Sequence

from nova.platform.ids import id_of
from nova.services.feed.model import Candidate, PostId, UserId
from nova.services.feed.stages.stage import LOST, Sifted, without
from nova.services.feed.store.dismissals import DismissalStore


class FilterDismissed:
    """Asks PostgreSQL. When it is down or late all pass: what is dismissed is unwanted, not hidden."""

    def __init__(self, dismissals: DismissalStore) -> None:
        self._dismissals = dismissals

    async def sift(self, viewer_id: UserId, candidates: Sequence[Candidate]) -> Sifted:
        """Return what was not dismissed."""
        try:
            dismissed = await self._dismissals.among(
                viewer_id, [PostId(id_of(candidate.post_id)) for candidate in candidates]
            )
        except LOST:
            return Sifted(kept=candidates, degraded=["dismissals"])
        return without(candidates, dict.fromkeys(dismissed, "dismissed"))
