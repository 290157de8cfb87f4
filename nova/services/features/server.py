"""gRPC in, a question to features, gRPC out. No decisions."""

from nova.api.features.v1 import features_pb2 as pb
from nova.api.features.v1.features_pb2_grpc import FeaturesServiceServicer
from nova.platform.rpc.context import current_actor
from nova.platform.rpc.validate import page_size
from nova.services.features.model import DECLARED
from nova.services.features.service.serving import Serving

SYSTEM_METHODS = frozenset({"DescribeFeatures"})
_COLUMNS = [feature.name for feature in DECLARED]


class FeaturesServer(FeaturesServiceServicer):
    """Features' servicer."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    async def GetPostRows(self, request: pb.GetPostRowsRequest, context: object) -> pb.GetPostRowsResponse:
        rows = self._serving.rows(current_actor(), request.post_ids, request.author_ids)
        return pb.GetPostRowsResponse(columns=_COLUMNS, rows=rows.astype("<f4", copy=False).tobytes())

    async def DescribeFeatures(
        self, request: pb.DescribeFeaturesRequest, context: object
    ) -> pb.DescribeFeaturesResponse:
        return pb.DescribeFeaturesResponse(
            features=[
                pb.Feature(
                    name=feature.name,
                    entity=feature.entity.value,
                    meaning=feature.meaning,
                    half_life_s=feature.half_life_s,
                )
                for feature in DECLARED
            ]
        )

    async def GetPopular(self, request: pb.GetPopularRequest, context: object) -> pb.GetPopularResponse:
        limit = page_size(request.page_size, most=500, default=100)
        popular = self._serving.popular(current_actor(), limit)
        return pb.GetPopularResponse(
            post_ids=b"".join(post_id for post_id, _ in popular),
            author_ids=b"".join(author_id for _, author_id in popular),
        )

    async def GetTopics(self, request: pb.GetTopicsRequest, context: object) -> pb.GetTopicsResponse:
        limit = page_size(request.page_size, most=50, default=10)
        return pb.GetTopicsResponse(
            topics=[
                pb.Topic(tag=interest.tag, weight=interest.weight)
                for interest in self._serving.interests(current_actor(), limit)
            ]
        )
