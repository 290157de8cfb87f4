"""The rooms that social calls, in its own words."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from nova.api.content.v1.content_pb2 import CheckPostsRequest
from nova.api.content.v1.content_pb2_grpc import ContentServiceStub
from nova.api.graph.v1.graph_pb2 import GetHiddenRequest
from nova.api.graph.v1.graph_pb2_grpc import GraphServiceStub
from nova.native.ids import unpack
from nova.services.social.model import PostId, UserId


class ContentPosts:
    """Implements `Posts` over content's gRPC service."""

    def __init__(self, content: ContentServiceStub) -> None:
        self._content = content

    async def visible(self, post_ids: Sequence[PostId]) -> Mapping[PostId, UserId]:
        """Return the author of each post that the caller may see."""
        return await self._checked(post_ids) if post_ids else {}

    async def for_deletion(self, post_ids: Sequence[PostId]) -> Mapping[PostId, UserId]:
        """Return the author of each post that the caller may see or, as a moderator, of each that there is."""
        return await self._checked(post_ids, for_deletion=True)

    async def _checked(
        self, post_ids: Sequence[PostId], *, for_deletion: bool = False
    ) -> Mapping[PostId, UserId]:
        distinct = [post_id.bytes for post_id in dict.fromkeys(post_ids)]
        request = CheckPostsRequest(post_ids=distinct, for_deletion=for_deletion)
        answer = await self._content.CheckPosts(request)
        return {PostId(UUID(bytes=post.post_id)): UserId(UUID(bytes=post.author_id)) for post in answer.posts}


class GraphPeople:
    """Implements `People` over graph's gRPC service."""

    def __init__(self, graph: GraphServiceStub) -> None:
        self._graph = graph

    async def hidden(self) -> Sequence[UserId]:
        """Return everyone between whom and the caller a block stands."""
        packed = (await self._graph.GetHidden(GetHiddenRequest())).user_ids
        return [UserId(user_id) for user_id in unpack(packed)]
