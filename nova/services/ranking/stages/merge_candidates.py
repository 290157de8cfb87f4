"""What all sources found, each post once."""

from collections.abc import Sequence

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
    known = set(split(query.following)) | {viewer} if only_strangers else {viewer}
    found: dict[bytes, tuple[bytes, Source]] = {}
    for part in recalled:
        for post_id, author_id in zip(split(part.post_ids), split(part.author_ids), strict=True):
            strange = part.source is Source.FOLLOWS or author_id not in known
            if strange and post_id not in found and post_id not in query.excluded:
                found[post_id] = (author_id, part.source)
    kept = list(found.items())[:MOST]
    return Candidates(
        post_ids=b"".join(post_id for post_id, _ in kept),
        author_ids=b"".join(author_id for _, (author_id, _) in kept),
        sources=[source for _, (_, source) in kept],
    )
