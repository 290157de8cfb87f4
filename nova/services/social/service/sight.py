"""What social needs of its neighbours, in its own words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from nova.services.social.model import PostId, PostNotFound, UserId


class Posts(Protocol):
    """What social asks of content."""

    async def visible(self, post_ids: Sequence[PostId]) -> Mapping[PostId, UserId]:
        """Return the author of each post that the caller may see; raise `Unavailable` if it cannot be known."""
        ...

    async def for_deletion(self, post_ids: Sequence[PostId]) -> Mapping[PostId, UserId]:
        """Return the author of each post below which the caller may delete; `visible` for whom sight limits."""
        ...


class People(Protocol):
    """What social asks of graph."""

    async def hidden(self) -> Sequence[UserId]:
        """Return everyone between whom and the caller a block stands."""
        ...


@dataclass(frozen=True, slots=True)
class Sight:
    """The caller's sight, asked of those who know."""

    posts: Posts
    people: People

    async def author_of(self, post_id: PostId) -> UserId:
        """Return whose post it is. Raises `PostNotFound` where the caller may not see it."""
        author_id = (await self.posts.visible([post_id])).get(post_id)
        if author_id is None:
            raise PostNotFound
        return author_id
