"""gRPC in, a ranking, gRPC out. No decisions."""

from nova.api.ranking.v1 import ranking_pb2 as pb
from nova.api.ranking.v1.ranking_pb2_grpc import RankingServiceServicer
from nova.native.ids import ID_BYTES, split
from nova.platform.errors import InvalidArgument
from nova.platform.rpc.context import current_actor
from nova.platform.rpc.validate import page_size
from nova.services.ranking.model import RankedPosts
from nova.services.ranking.service import Rankings

MOST_EXCLUDED = 5000


class RankingServer(RankingServiceServicer):
    """Ranking's servicer."""

    def __init__(self, rankings: Rankings) -> None:
        self._rankings = rankings

    async def RankHome(self, request: pb.RankHomeRequest, context: object) -> pb.RankHomeResponse:
        ranking = await self._rankings.home(
            current_actor(), limit=_limit(request.limit), excluded=_ids(request.excluded_post_ids)
        )
        return pb.RankHomeResponse(
            ranked=_columns(ranking.posts), degraded=ranking.degraded, model=ranking.model
        )

    async def RankExplore(self, request: pb.RankExploreRequest, context: object) -> pb.RankExploreResponse:
        ranking = await self._rankings.explore(
            current_actor(), limit=_limit(request.limit), excluded=_ids(request.excluded_post_ids)
        )
        return pb.RankExploreResponse(
            ranked=_columns(ranking.posts), degraded=ranking.degraded, model=ranking.model
        )


def _limit(value: int) -> int:
    return page_size(value, most=1000, default=500, field="limit")


def _ids(packed: bytes) -> list[bytes]:
    if len(packed) % ID_BYTES or len(packed) > MOST_EXCLUDED * ID_BYTES:
        raise InvalidArgument(
            f"excluded_post_ids holds at most {MOST_EXCLUDED} whole ids of {ID_BYTES} bytes.",
            field="excluded_post_ids",
        )
    return split(packed)


def _columns(posts: RankedPosts) -> pb.RankedPosts:
    return pb.RankedPosts(
        post_ids=posts.post_ids,
        author_ids=posts.author_ids,
        sources=posts.sources,
        scores=posts.scores,
        features=posts.features,
        weights=posts.weights,
        multipliers=posts.multipliers,
        values=posts.values.astype("<f4").tobytes(),
    )
