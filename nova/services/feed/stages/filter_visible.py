"""Removes what the viewer may not see, or does not want to, as content, graph and policy say now."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

from nova.policy.relations import Relation
from nova.policy.visibility import Surface, person
from nova.services.feed.model import FOLLOWING, Candidate, PartLost, UserId
from nova.services.feed.stages.stage import LOST, People, Posts, Sifted, without

_FOR_FOLLOWING = frozenset({FOLLOWING, "follows"})
"""Sources whose posts are there because the viewer follows the author; the second is ranking's."""
_HIS_OWN = Relation.FOLLOWS | Relation.SELF


class FilterVisible:
    """Asks content for each post and graph for each author, at once. Unless both answer, nothing passes.

    With `only_strangers` posts of the viewer and of the people he follows are removed.
    """

    def __init__(self, *, posts: Posts, people: People, only_strangers: bool = False) -> None:
        self._posts = posts
        self._people = people
        self._only_strangers = only_strangers

    async def sift(self, viewer_id: UserId, candidates: Sequence[Candidate]) -> Sifted:  # noqa: ARG002 - both know the caller
        """Return what the viewer may see here. Raises `PartLost`."""
        relations, visible = await asyncio.gather(
            self._people.relations(list(dict.fromkeys(candidate.author_id for candidate in candidates))),
            self._posts.visible([candidate.post_id for candidate in candidates]),
            return_exceptions=True,
        )
        # Content asks graph too: when both fail it is graph that is lost.
        if isinstance(relations, BaseException):
            raise _lost("graph", relations)
        if isinstance(visible, BaseException):
            raise _lost("content", visible)
        removed = {
            candidate.post_id: reason
            for candidate in candidates
            if (reason := self._reason(candidate, relations, visible)) is not None
        }
        return without(candidates, removed)

    def _reason(
        self, candidate: Candidate, relations: Mapping[bytes, Relation], visible: Collection[bytes]
    ) -> str | None:
        relation = relations[candidate.author_id]
        verdict = person(relation, Surface.FEED)
        if not verdict.shown:
            return verdict.value
        if candidate.source in _FOR_FOLLOWING and not relation & _HIS_OWN:
            return "unfollowed"
        if self._only_strangers and relation & _HIS_OWN:
            return "followed"
        return None if candidate.post_id in visible else "hidden"


def _lost(part: str, error: BaseException) -> BaseException:
    """Return the loss of a part; an error that says something else stays what it is."""
    if not isinstance(error, LOST):
        return error
    lost = PartLost(part)
    lost.__cause__ = error
    return lost
