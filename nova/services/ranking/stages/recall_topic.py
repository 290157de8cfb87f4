"""Posts with the tags that the viewer cares for."""

from nova.services.ranking.model import Recalled, Source
from nova.services.ranking.stages.stage import Features, Query
from nova.services.ranking.store import PostIndex

TOPICS = 10
WANT = 200


class RecallTopic:
    """Asks features for the viewer's tags, and merges their open posts. Finds nothing if he wants no such feed."""

    source = Source.TOPIC

    def __init__(self, index: PostIndex, features: Features) -> None:
        self._index = index
        self._features = features

    async def recall(self, query: Query) -> Recalled:
        """Return the newest open posts."""
        tags = await self._features.topics(TOPICS) if query.personalised else ()
        post_ids, author_ids = self._index.of_tags(tags, want=WANT) if tags else (b"", b"")
        return Recalled(source=self.source, post_ids=post_ids, author_ids=author_ids)
