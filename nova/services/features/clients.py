"""The rooms that features calls, in its own words."""

from collections.abc import AsyncIterator, Sequence

from nova.api.content.v1.content_pb2 import ListPostingsRequest
from nova.api.content.v1.content_pb2_grpc import ContentServiceStub

_PAGE = 2000


class ContentPostings:
    """Implements `Postings` over content's gRPC service."""

    def __init__(self, content: ContentServiceStub) -> None:
        self._content = content

    async def tags(self) -> AsyncIterator[tuple[bytes, Sequence[str]]]:
        """Yield the id and the tags of every live post."""
        token = b""
        while True:
            page = await self._content.ListPostings(ListPostingsRequest(page_size=_PAGE, page_token=token))
            for posting in page.postings:
                yield posting.post_id, posting.tags
            token = page.next_page_token
            if not token:
                return
