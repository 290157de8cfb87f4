"""Posts of the people followed and one's own, by time, newest first."""

from nova.native.fanout import Posts
from nova.native.ids import split
from nova.services.feed.model import FOLLOWING, Candidate, InTime
from nova.services.feed.stages.stage import Batch
from nova.services.feed.store.postings import Postings


class SourceFollowing:
    """Merges the posting lists of `author_ids` from a place on."""

    def __init__(self, postings: Postings, author_ids: bytes, place: InTime) -> None:
        self._postings = postings
        self._author_ids = author_ids
        self._place = place

    async def take(self, want: int) -> Batch:
        """Return the next posts."""
        found = pairs(self._postings.of_authors(self._author_ids, want=want + 1, before=self._place.before))
        candidates = by_time(found[:want], self._place, source=FOLLOWING)
        if candidates:
            self._place = InTime(order=self._place.order, before=candidates[-1].post_id)
        return Batch(candidates=candidates, more=len(found) > want)


def pairs(posts: Posts) -> list[tuple[bytes, bytes]]:
    """Return (post, author) of what a posting list gave."""
    return list(zip(split(posts.ids), split(posts.authors), strict=True))


def by_time(posts: list[tuple[bytes, bytes]], place: InTime, *, source: str) -> list[Candidate]:
    """Return candidates for (post, author) pairs in the order of time of `place`."""
    return [
        Candidate(
            post_id=post_id,
            author_id=author_id,
            place=InTime(order=place.order, before=post_id),
            source=source,
        )
        for post_id, author_id in posts
    ]
