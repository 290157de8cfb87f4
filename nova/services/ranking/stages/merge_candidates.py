"""What all sources found, each post once."""

from collections.abc import Sequence
from itertools import islice

from nova.native.ids import split
from nova.services.ranking.model import Candidates, Recalled, Source
from nova.services.ranking.stages.stage import Query

MOST = 1000


def merge_candidates(query: Query, recalled: Sequence[Recalled], *, only_strangers: bool) -> Candidates:
    """Return the candidates in the order of the sources, at most 1,000, without those excluded.

    With `only_strangers` (explore) posts of the viewer and of the people he follows are left out. Elsewhere his
    own posts come from following only: he is not recommended to himself.
    """
    viewer = query.viewer_id.bytes
    known = {viewer, *split(query.following)} if only_strangers else {viewer}
    authors: dict[bytes, bytes] = {}
    sources: list[Source] = []
    for part in recalled:
        unwanted = set() if part.source is Source.FOLLOWS else known
        authors |= {
            post_id: author_id
            for post_id, author_id in zip(split(part.post_ids), split(part.author_ids), strict=True)
            if post_id not in authors and post_id not in query.excluded and author_id not in unwanted
        }
        sources += [part.source] * (len(authors) - len(sources))
    return Candidates(
        post_ids=b"".join(islice(authors, MOST)),
        author_ids=b"".join(islice(authors.values(), MOST)),
        sources=sources[:MOST],
    )
