"""The newest posts of all: how someone is found whom nobody follows yet."""

from nova.services.ranking.model import Recalled, Source
from nova.services.ranking.stages.stage import Query
from nova.services.ranking.store import PostIndex

WANT = 300


class RecallFresh:
    """Takes the newest open posts of everybody."""

    source = Source.FRESH

    def __init__(self, index: PostIndex) -> None:
        self._index = index

    async def recall(self, query: Query) -> Recalled:  # noqa: ARG002 - the same for everybody
        """Return the newest open posts."""
        found = self._index.newest(want=WANT)
        return Recalled(source=self.source, post_ids=found.ids, author_ids=found.authors)
