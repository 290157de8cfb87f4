"""The rooms that ranking calls, in its own words."""

from collections.abc import AsyncIterator, Sequence

import numpy as np

from nova.api.content.v1.content_pb2 import ListPostingsRequest
from nova.api.content.v1.content_pb2_grpc import ContentServiceStub
from nova.api.features.v1.features_pb2 import (
    DescribeFeaturesRequest,
    GetPopularRequest,
    GetPostRowsRequest,
    GetTopicsRequest,
)
from nova.api.features.v1.features_pb2_grpc import FeaturesServiceStub
from nova.api.graph.v1.graph_pb2 import GetFollowingRequest, SuggestUsersRequest
from nova.api.graph.v1.graph_pb2_grpc import GraphServiceStub
from nova.api.user.v1.user_pb2 import GetSettingsRequest
from nova.api.user.v1.user_pb2_grpc import UserServiceStub
from nova.services.ranking.stages.stage import Rows
from nova.services.ranking.store import Posting

_PAGE = 2000


class GraphPeople:
    """Implements `Graph` over graph's gRPC service."""

    def __init__(self, graph: GraphServiceStub) -> None:
        self._graph = graph

    async def following(self) -> bytes:
        """Return the packed ids of all whom the caller follows."""
        return (await self._graph.GetFollowing(GetFollowingRequest())).user_ids

    async def second_degree(self, limit: int) -> bytes:
        """Return the packed ids of people of the second degree, best first."""
        answer = await self._graph.SuggestUsers(SuggestUsersRequest(page_size=limit))
        return b"".join(suggestion.user_id for suggestion in answer.suggestions)


class PostFeatures:
    """Implements `Features` over features' gRPC service."""

    def __init__(self, features: FeaturesServiceStub) -> None:
        self._features = features

    async def rows(self, post_ids: bytes, author_ids: bytes) -> Rows:
        """Return the rows of the candidates."""
        answer = await self._features.GetPostRows(
            GetPostRowsRequest(post_ids=post_ids, author_ids=author_ids)
        )
        columns = tuple(answer.columns)
        return Rows(columns=columns, values=np.frombuffer(answer.rows, "<f4").reshape(-1, len(columns)))

    async def topics(self, limit: int) -> Sequence[str]:
        """Return the tags that the caller cares for most."""
        answer = await self._features.GetTopics(GetTopicsRequest(page_size=limit))
        return [topic.tag for topic in answer.topics]

    async def popular(self, limit: int) -> tuple[bytes, bytes]:
        """Return what people react to most."""
        answer = await self._features.GetPopular(GetPopularRequest(page_size=limit))
        return answer.post_ids, answer.author_ids

    async def declared(self) -> Sequence[str]:
        """Return the names of all declared features."""
        answer = await self._features.DescribeFeatures(DescribeFeaturesRequest())
        return [feature.name for feature in answer.features]


class UserSettings:
    """Implements `Settings` over user's gRPC service."""

    def __init__(self, user: UserServiceStub) -> None:
        self._user = user

    async def personalised(self) -> bool:
        """Return whether the caller wants his feed to use what he did."""
        return (await self._user.GetSettings(GetSettingsRequest())).settings.personalised_feed


class ContentPostings:
    """All live posts, page by page, over content's gRPC service."""

    def __init__(self, content: ContentServiceStub) -> None:
        self._content = content

    async def pages(self) -> AsyncIterator[list[Posting]]:
        """Yield pages of postings."""
        token = b""
        while True:
            page = await self._content.ListPostings(ListPostingsRequest(page_size=_PAGE, page_token=token))
            yield [
                Posting(
                    post_id=posting.post_id,
                    author_id=posting.author_id,
                    audience=posting.audience,
                    tags=tuple(posting.tags),
                )
                for posting in page.postings
            ]
            token = page.next_page_token
            if not token:
                return
