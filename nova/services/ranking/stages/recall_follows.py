"""Posts of the people whom the viewer follows, and his own."""

from nova.services.ranking.model import Recalled, Source
from nova.services.ranking.stages.stage import Query
from nova.services.ranking.store import PostIndex

WANT = 600


class RecallFollows:
    """Merges the posting lists of all whom the viewer follows."""

    source = Source.FOLLOWS

    def __init__(self, index: PostIndex) -> None:
        self._index = index

    async def recall(self, query: Query) -> Recalled:
        """Return the newest posts."""
        found = self._index.of_authors(query.following + query.viewer_id.bytes, want=WANT)
        return Recalled(source=self.source, post_ids=found.ids, author_ids=found.authors)
