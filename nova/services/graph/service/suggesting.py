"""Offering people whom one might follow."""

from typing import Final
from uuid import UUID

from nova.native.graph import Candidates
from nova.native.ids import split, unpack
from nova.platform.auth.actor import Actor
from nova.platform.clock import Clock, unix_ms
from nova.policy.relations import Relation
from nova.policy.visibility import Surface, person
from nova.services.graph.model import Suggestion, UserId
from nova.services.graph.network import Network, People
from nova.services.graph.walks import Walks

MUTUALS_SHOWN: Final = 3
_MORE: Final = 4
# Some of the best may not want to be suggested: a few more than needed are asked for at once.
_SPARE: Final = 10


class Suggesting:
    """People of the second degree, best first."""

    def __init__(self, *, network: Network, walks: Walks, clock: Clock) -> None:
        self._network = network
        self._walks = walks
        self._clock = clock

    async def suggest(self, actor: Actor, *, limit: int) -> list[Suggestion]:
        """Return at most `limit` people whom the caller might follow.

        Never anyone whom he follows, asked, blocks or mutes, who blocks him, or who does not want to be suggested.
        """
        actor.require("graph:read")
        viewer, people = UserId(actor.user_id), self._network.people()
        hidden = people.adjacency.hidden(viewer)
        asked = limit + _SPARE
        while True:
            found = await self._walks.candidates(viewer, k=asked, exclude=hidden)
            shown = _shown(people, viewer, found, unix_ms(self._clock.now()))
            if len(shown) >= limit or len(found.scores) < asked:
                return [_suggestion(people, viewer, row, hidden) for row in shown[:limit]]
            asked *= _MORE


def _suggestion(people: People, viewer: UserId, row: tuple[bytes, float, int], hidden: bytes) -> Suggestion:
    user, score, mutual_count = row
    between = people.adjacency.mutuals(viewer, user, limit=MUTUALS_SHOWN, exclude=hidden)
    return Suggestion(
        user_id=UserId(UUID(bytes=user)),
        score=score,
        mutual_count=mutual_count,
        mutual_ids=[UserId(one) for one in unpack(between)],
    )


def _shown(people: People, viewer: UserId, found: Candidates, now_ms: int) -> list[tuple[bytes, float, int]]:
    """Return those candidates that may be suggested to the viewer, with their scores and mutuals."""
    relations = people.adjacency.relations(viewer, found.ids, now_ms=now_ms).tolist()
    rows = zip(split(found.ids), found.scores.tolist(), found.mutuals.tolist(), relations, strict=True)
    return [
        (user, score, mutual_count)
        for user, score, mutual_count, relation in rows
        if people.may_suggest(user) and person(Relation(relation), Surface.SUGGESTION).shown
    ]
