"""Who may see which of content's things: facts gathered in batches, decided by `nova.policy.visibility`."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Protocol, TypeVar

from nova.policy.relations import Relation
from nova.policy.visibility import Audience, Surface, content
from nova.services.content.model import Opening, Post, PostId, Story, StoryId, UserId

Id = TypeVar("Id", PostId, StoryId)
Item = TypeVar("Item", Post, Story)


class Relations(Protocol):
    """What content asks of graph."""

    async def of(self, subjects: Collection[UserId]) -> Mapping[UserId, Relation]:
        """Return the caller's relation to each subject; raise `Unavailable` where it cannot be known."""
        ...


class Sight:
    """Filters posts and stories for the caller."""

    def __init__(self, relations: Relations) -> None:
        self._relations = relations

    async def visible(
        self,
        items: Mapping[Id, Item],
        chosen: Callable[[Sequence[Id]], Awaitable[frozenset[Id]]],
        surface: Surface = Surface.POST,
    ) -> dict[Id, Item]:
        """Return those of `items` that the caller sees. `chosen` tells for which of them he was chosen."""
        if not items:
            return {}
        relations = await self._relations.of({item.author_id for item in items.values()})
        limited = [
            key
            for key, item in items.items()
            if item.audience is Audience.CHOSEN and not relations[item.author_id] & Relation.SELF
        ]
        picked = await chosen(limited) if limited else frozenset()
        return {
            key: item
            for key, item in items.items()
            if content(relations[item.author_id], item.audience, surface, chosen=key in picked).shown
        }

    async def openings(self, author_ids: Collection[UserId]) -> list[Opening]:
        """Return which audiences of each author are open to the caller: none for an author he may not see."""
        relations = await self._relations.of(author_ids)
        return [opening for author_id in author_ids for opening in _openings(author_id, relations[author_id])]


def _openings(author_id: UserId, relation: Relation) -> list[Opening]:
    found = []
    for audience in Audience:
        if content(relation, audience, Surface.LISTS, chosen=False).shown:
            found.append(Opening(author_id=author_id, audience=audience, by_choice=False))
        elif content(relation, audience, Surface.LISTS, chosen=True).shown:
            found.append(Opening(author_id=author_id, audience=audience, by_choice=True))
    return found
