"""What a home slate left over: posts of the people followed that it does not hold, by time."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from nova.platform.rpc.context import in_time
from nova.services.feed.model import FOLLOWING, Candidate, InSlate, PartLost, UserId
from nova.services.feed.stages.source_following import pairs
from nova.services.feed.stages.stage import LOST, Batch
from nova.services.feed.store.postings import Postings
from nova.services.feed.store.slates import Outline, Slates


class SourceRest:
    """Merges the posting lists below the slate's bound, without the slate's posts.

    A post that is published while someone scrolls is above the bound: it does not push others down.
    `followed` returns the packed ids of those whose posts the viewer gets.
    """

    def __init__(
        self,
        *,
        slates: Slates,
        postings: Postings,
        followed: Callable[[], Awaitable[bytes]],
        viewer_id: UserId,
        place: InSlate,
    ) -> None:
        self._slates = slates
        self._postings = postings
        self._followed = followed
        self._viewer_id = viewer_id
        self._place = place
        self._known: tuple[Outline, bytes] | None = None

    async def take(self, want: int) -> Batch:
        """Return the next posts. Raises `SlateGone`, and `PartLost` for what does not answer."""
        outline, author_ids = self._known or await self._ask()
        self._known = outline, author_ids
        before = self._place.before or outline.bound
        # As many again as the slate holds: whichever of them come up, `want` others are among the rest.
        most = want + len(outline.post_ids) + 1
        found = pairs(self._postings.of_authors(author_ids, want=most, before=before))
        rest = [(post_id, author_id) for post_id, author_id in found if post_id not in outline.post_ids]
        candidates = [
            Candidate(
                post_id=post_id,
                author_id=author_id,
                place=replace(self._place, before=post_id),
                source=FOLLOWING,
            )
            for post_id, author_id in rest[:want]
        ]
        if candidates:
            self._place = replace(self._place, before=candidates[-1].post_id)
        return Batch(candidates=candidates, more=len(rest) > want)

    async def _ask(self) -> tuple[Outline, bytes]:
        if not self._postings.loaded:
            raise PartLost("postings")
        try:
            async with in_time():
                outline = await self._slates.outline(self._viewer_id, self._place)
        except LOST as error:
            raise PartLost("slates") from error
        try:
            return outline, await self._followed()
        except LOST as error:
            raise PartLost("graph") from error
