"""What may be asked about the network. Everything is in view of the caller.

Where the caller may not walk a user's lists they are empty and their counts are 0; people between whom and the caller
a block stands are on no list and in no count.
"""

from typing import Final

from nova.native.graph import Adjacency, Listing
from nova.native.ids import ID_BYTES, split, unpack
from nova.platform.auth.actor import Actor
from nova.platform.clock import Clock, unix_ms
from nova.policy.relations import Relation
from nova.policy.visibility import Surface, person
from nova.services.graph.model import Counts, ListPage, Row, UserId
from nova.services.graph.network import Network
from nova.services.graph.store.ledger import Ledger
from nova.services.graph.walks import Walks

FOLLOWING_MOST: Final = 200_000
"""Whom one follows, at most, as far as feeds are concerned: the newest. Their ids fill 3.2 MB of an answer's 4."""
PATH_TRIES: Final = 64
"""How many paths are looked at before a search gives up because each leads through somebody whose list is closed."""


class Reading:
    """The verbs that answer from the adjacency, and, for paths, from what walks along follows."""

    def __init__(self, *, network: Network, walks: Walks, ledger: Ledger, clock: Clock) -> None:
        self._network = network
        self._walks = walks
        self._ledger = ledger
        self._clock = clock

    def relations(self, actor: Actor, subjects: bytes) -> list[int]:
        """Return the caller's relation to each subject (ids of 16 bytes side by side), as bits, in order."""
        actor.require("graph:read")
        adjacency = self._network.people().adjacency
        found: list[int] = adjacency.relations(actor.user_id, subjects, now_ms=self._now_ms()).tolist()
        return found

    def hidden(self, actor: Actor) -> bytes:
        """Return everyone between whom and the caller a block stands, as ids of 16 bytes side by side."""
        actor.require("graph:read")
        return self._network.people().adjacency.hidden(actor.user_id)

    def followers(self, actor: Actor, user_id: UserId, *, before: Row | None, limit: int) -> ListPage:
        """Return a page of who follows a user, newest first."""
        return self._page(actor, Listing.FOLLOWERS, user_id, before=before, limit=limit)

    def following(self, actor: Actor, user_id: UserId, *, before: Row | None, limit: int) -> ListPage:
        """Return a page of whom a user follows, newest first."""
        return self._page(actor, Listing.FOLLOWING, user_id, before=before, limit=limit)

    def requesters(self, actor: Actor, *, before: Row | None, limit: int) -> ListPage:
        """Return a page of who asks to follow the caller, newest first."""
        return self._page(actor, Listing.REQUESTERS, UserId(actor.user_id), before=before, limit=limit)

    def counts(self, actor: Actor, subjects: bytes) -> list[Counts]:
        """Return, for each subject, how many people the caller would meet on his lists."""
        actor.require("graph:read")
        adjacency = self._network.people().adjacency
        relations = adjacency.relations(actor.user_id, subjects, now_ms=self._now_ms()).tolist()
        counts = adjacency.counts(subjects, exclude=adjacency.hidden(actor.user_id)).tolist()
        return [
            Counts(followers=followers, following=following) if _lists_open(relation) else Counts()
            for relation, (followers, following) in zip(relations, counts, strict=True)
        ]

    async def all_following(self, actor: Actor) -> bytes:
        """Return whom the caller follows, newest first, as ids of 16 bytes side by side.

        While the adjacency is being loaded the ledger answers: feeds go on.
        """
        actor.require("graph:read")
        if not self._network.loaded:
            return await self._ledger.following(UserId(actor.user_id), limit=FOLLOWING_MOST)
        adjacency = self._network.people().adjacency
        hidden = adjacency.hidden(actor.user_id)
        return adjacency.page(Listing.FOLLOWING, actor.user_id, limit=FOLLOWING_MOST, exclude=hidden).ids

    async def path(self, actor: Actor, source: UserId, target: UserId, *, max_depth: int) -> list[UserId]:
        """Return a shortest chain of follows that the caller could walk by the lists of whom people follow.

        Empty when there is none within `max_depth`. Everyone on it but the last must have lists that are open to
        the caller; nobody on it is hidden from him.
        """
        actor.require("graph:read")
        viewer, adjacency = UserId(actor.user_id), self._network.people().adjacency
        shut_out = adjacency.hidden(viewer)
        for _ in range(PATH_TRIES):
            found = await self._walks.path(source, target, max_depth=max_depth, exclude=shut_out)
            # People whose lists are closed are found on the way, and gone round.
            closed = _closed(adjacency, viewer, found[:-ID_BYTES], self._now_ms())
            if not closed:
                return [UserId(user_id) for user_id in unpack(found)]
            shut_out += closed
        return []

    def _page(
        self, actor: Actor, listing: Listing, user_id: UserId, *, before: Row | None, limit: int
    ) -> ListPage:
        actor.require("graph:read")
        adjacency = self._network.people().adjacency
        (relation,) = adjacency.relations(actor.user_id, [user_id], now_ms=self._now_ms()).tolist()
        if not _lists_open(relation):
            return ListPage()
        page = adjacency.page(
            listing,
            user_id,
            limit=limit + 1,
            before=None if before is None else (before.since_ms, before.user_id),
            exclude=adjacency.hidden(actor.user_id),
        )
        rows = [
            Row(user_id=UserId(one), since_ms=since_ms)
            for one, since_ms in zip(unpack(page.ids), page.at_ms.tolist(), strict=True)
        ]
        return ListPage(rows=rows[:limit], more=len(rows) > limit)

    def _now_ms(self) -> int:
        return unix_ms(self._clock.now())


def _lists_open(relation: int) -> bool:
    return person(Relation(relation), Surface.LISTS).shown


def _closed(adjacency: Adjacency, viewer: UserId, people: bytes, now_ms: int) -> bytes:
    relations = adjacency.relations(viewer, people, now_ms=now_ms).tolist()
    return b"".join(
        one for one, relation in zip(split(people), relations, strict=True) if not _lists_open(relation)
    )
