"""Posts of the people whom those follow whom the viewer follows."""

from nova.services.ranking.model import Recalled, Source
from nova.services.ranking.stages.stage import Graph, Query
from nova.services.ranking.store import PostIndex

PEOPLE = 50
WANT = 200


class RecallSecondDegree:
    """Asks graph for people, and merges their open posts."""

    source = Source.SECOND_DEGREE

    def __init__(self, index: PostIndex, graph: Graph) -> None:
        self._index = index
        self._graph = graph

    async def recall(self, query: Query) -> Recalled:  # noqa: ARG002 - graph knows the caller
        """Return the newest open posts."""
        found = self._index.of_authors(await self._graph.second_degree(PEOPLE), want=WANT, open_to_all=True)
        return Recalled(source=self.source, post_ids=found.ids, author_ids=found.authors)
