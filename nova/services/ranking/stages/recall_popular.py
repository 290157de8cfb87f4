"""Posts that people react to most, now."""

from nova.services.ranking.model import Recalled, Source
from nova.services.ranking.stages.stage import Features, Query

WANT = 200


class RecallPopular:
    """Asks features for its leaders."""

    source = Source.POPULAR

    def __init__(self, features: Features) -> None:
        self._features = features

    async def recall(self, query: Query) -> Recalled:  # noqa: ARG002 - the same for everybody
        """Return the leaders."""
        post_ids, author_ids = await self._features.popular(WANT)
        return Recalled(source=self.source, post_ids=post_ids, author_ids=author_ids)
