"""Offering people whom one might follow."""

import asyncio
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

MUTUALS_SHOWN: Final = 3
_MORE: Final = 4
# Some of the best may not want to be suggested: a few more than needed are asked for at once.
_SPARE: Final = 10


class Suggesting:
    """People of the second degree, best first."""

    def __init__(self, *, network: Network, clock: Clock) -> None:
        self._network = network
        self._clock = clock

    async def suggest(self, actor: Actor, *, limit: int) -> list[Suggestion]:
        """Return at most `limit` people whom the caller might follow.

        Never anyone whom he follows, asked, blocks or mutes, who blocks him, or who does not want to be suggested.
        """
        actor.require("graph:read")
        people, now_ms = self._network.people(), unix_ms(self._clock.now())
        return await asyncio.to_thread(_best, people, actor.user_id, limit, now_ms)


def _best(people: People, viewer: UUID, limit: int, now_ms: int) -> list[Suggestion]:
    hidden = people.adjacency.hidden(viewer)
    asked = limit + _SPARE
    while True:
        found = people.adjacency.candidates(viewer, k=asked, now_ms=now_ms, exclude=hidden)
        shown = _shown(people, viewer, found, now_ms)
        if len(shown) >= limit or len(found.scores) < asked:
            return [
                Suggestion(
                    user_id=UserId(UUID(bytes=user)),
                    score=score,
                    mutual_count=mutual_count,
                    mutual_ids=[
                        UserId(one)
                        for one in unpack(
                            people.adjacency.mutuals(viewer, user, limit=MUTUALS_SHOWN, exclude=hidden)
                        )
                    ],
                )
                for user, score, mutual_count in shown[:limit]
            ]
        asked *= _MORE


def _shown(people: People, viewer: UUID, found: Candidates, now_ms: int) -> list[tuple[bytes, float, int]]:
    """Return those candidates that may be suggested to the viewer, with their scores and mutuals."""
    relations = people.adjacency.relations(viewer, found.ids, now_ms=now_ms).tolist()
    rows = zip(split(found.ids), found.scores.tolist(), found.mutuals.tolist(), relations, strict=True)
    return [
        (user, score, mutual_count)
        for user, score, mutual_count, relation in rows
        if people.may_suggest(user) and person(Relation(relation), Surface.SUGGESTION).shown
    ]
