"""How ranking is put together."""

import structlog

from nova.api.content.v1.content_pb2_grpc import ContentServiceStub
from nova.api.features.v1.features_pb2_grpc import FeaturesServiceStub
from nova.api.graph.v1.graph_pb2_grpc import GraphServiceStub
from nova.api.ranking.v1.ranking_pb2_grpc import add_RankingServiceServicer_to_server
from nova.api.user.v1.user_pb2_grpc import UserServiceStub
from nova.platform.errors import Timeout, Unavailable
from nova.platform.platform import Platform
from nova.platform.projection import Projection
from nova.platform.room import Room
from nova.platform.rpc.binding import ServiceBinding
from nova.platform.verification import Audit
from nova.services.ranking import events
from nova.services.ranking.clients import ContentPostings, GraphPeople, PostFeatures, UserSettings
from nova.services.ranking.consumers import Postings
from nova.services.ranking.model import LinearModel, load_model
from nova.services.ranking.pipeline import Pipeline
from nova.services.ranking.server import RankingServer
from nova.services.ranking.service import Rankings
from nova.services.ranking.stages.recall_follows import RecallFollows
from nova.services.ranking.stages.recall_fresh import RecallFresh
from nova.services.ranking.stages.recall_popular import RecallPopular
from nova.services.ranking.stages.recall_second_degree import RecallSecondDegree
from nova.services.ranking.stages.recall_topic import RecallTopic
from nova.services.ranking.stages.score_linear import ScoreLinear
from nova.services.ranking.stages.stage import Features
from nova.services.ranking.store import PostIndex

_log = structlog.get_logger(__name__)


def build(platform: Platform) -> Room:
    """Return the ranking room on the house's floor."""
    index, model = PostIndex(), load_model()
    graph = GraphPeople(GraphServiceStub(platform.channel("graph")))
    features = PostFeatures(FeaturesServiceStub(platform.channel("features")))
    score = ScoreLinear(model)
    beyond = (
        RecallSecondDegree(index, graph),
        RecallTopic(index, features),
        RecallPopular(features),
    )
    home = Pipeline(
        sources=(RecallFollows(index), *beyond),
        features=features,
        model=model,
        score=score,
        clock=platform.clock,
    )
    explore = Pipeline(
        sources=(*beyond, RecallFresh(index)),
        features=features,
        model=model,
        score=score,
        clock=platform.clock,
        only_strangers=True,
    )
    settings = UserSettings(UserServiceStub(platform.channel("user")))
    server = RankingServer(Rankings(home=home, explore=explore, graph=graph, settings=settings))
    postings = Postings(index, ContentPostings(ContentServiceStub(platform.channel("content"))))
    projection = Projection(
        name="ranking-postings",
        log=platform.log,
        load=postings.load,
        handlers={
            events.POST_CREATED: postings.created,
            events.POST_UPDATED: postings.updated,
            events.POST_DELETED: postings.deleted,
        },
        clock=platform.clock,
        tracing=platform.tracing,
    )
    return Room(
        name="ranking",
        bindings=[ServiceBinding(add_to_server=add_RankingServiceServicer_to_server, servicer=server)],
        startables=[ModelCheck(model, features), projection],
        projections={"ranking": Audit(postings.compare, caught_up=projection.caught_up)},
    )


class ModelCheck:
    """Refuses to start a model that weighs other features than there are."""

    def __init__(self, model: LinearModel, features: Features) -> None:
        self._model = model
        self._features = features

    async def start(self) -> None:
        """Compare. Where the features room is not up yet, rows are matched by name when they come."""
        try:
            declared = await self._features.declared()
        except (Unavailable, Timeout):
            _log.warning("features_not_compared")
            return
        self._model.require(declared)

    async def stop(self) -> None:
        """Nothing was begun."""
