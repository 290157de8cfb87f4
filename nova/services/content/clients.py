"""The rooms that content calls, in its own words."""

from collections.abc import Collection, Mapping

from nova.api.graph.v1.graph_pb2 import GetRelationsRequest
from nova.api.graph.v1.graph_pb2_grpc import GraphServiceStub
from nova.policy.relations import Relation
from nova.services.content.model import UserId

MOST_SUBJECTS = 1000


class GraphRelations:
    """Implements `Relations` over graph's gRPC service."""

    def __init__(self, graph: GraphServiceStub) -> None:
        self._graph = graph

    async def of(self, subjects: Collection[UserId]) -> Mapping[UserId, Relation]:
        """Return the caller's relation to each subject, asked in batches."""
        wanted = list(dict.fromkeys(subjects))
        found: dict[UserId, Relation] = {}
        for start in range(0, len(wanted), MOST_SUBJECTS):
            batch = wanted[start : start + MOST_SUBJECTS]
            answer = await self._graph.GetRelations(
                GetRelationsRequest(subject_ids=[subject.bytes for subject in batch])
            )
            found.update(zip(batch, map(Relation, answer.relations), strict=True))
        return found
