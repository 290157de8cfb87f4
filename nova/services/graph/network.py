"""The adjacency in memory: everything between people, in this process, for answers in one call.

A projection of the ledger and of what user says. It is loaded as a whole beside the one in use, and follows
events from then on; writes of this process are applied as soon as they are committed. Until it is loaded for the
first time there is no answer, rather than a wrong one.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b

import numpy as np

from nova.native.graph import Adjacency, Edge
from nova.native.ids import split
from nova.platform.clock import unix_ms
from nova.services.graph.model import (
    Changes,
    EdgeBatch,
    FlagBatch,
    Follow,
    FollowRequest,
    GraphLoading,
    RestrictionPage,
)


class People:
    """One state of the network: the edges in the native core, and beside them who is not to be suggested."""

    def __init__(self) -> None:
        self.adjacency = Adjacency()
        self._unsuggested: dict[bytes, int] = {}

    def apply(self, changes: Changes) -> None:
        """Apply what a transaction did. Twice, or late, is as once."""
        self._put_follows(changes.followed)
        self._put_requests(changes.requested)
        if changes.unfollowed:
            self.adjacency.drop(
                Edge.FOLLOW,
                [follow.follower_id for follow in changes.unfollowed],
                [follow.followee_id for follow in changes.unfollowed],
                versions=[follow.version for follow in changes.unfollowed],
            )
        if changes.unrequested:
            self.adjacency.drop(
                Edge.REQUEST,
                [request.requester_id for request in changes.unrequested],
                [request.requested_id for request in changes.unrequested],
                versions=[request.version for request in changes.unrequested],
            )

    def put(self, kind: Edge, batch: EdgeBatch) -> None:
        """Make the edges of a batch."""
        self.adjacency.put(kind, batch.sources, batch.targets, at_ms=batch.at_ms, versions=batch.versions)

    def drop(self, kind: Edge, batch: EdgeBatch) -> None:
        """End the edges of a batch."""
        self.adjacency.drop(kind, batch.sources, batch.targets, versions=batch.versions)

    def load(self, kind: Edge, page: EdgeBatch) -> None:
        """Take a page of a ledger: edges that stand, and tombstones of some that ended."""
        sources, targets = np.frombuffer(page.sources, "V16"), np.frombuffer(page.targets, "V16")
        versions, ended = np.asarray(page.versions, np.int64), np.asarray(page.ended, np.bool_)
        stand = ~ended
        self.adjacency.put(
            kind,
            sources[stand],
            targets[stand],
            at_ms=np.asarray(page.at_ms, np.int64)[stand],
            versions=versions[stand],
        )
        self.adjacency.drop(kind, sources[ended], targets[ended], versions=versions[ended])

    def restrict(self, page: RestrictionPage) -> None:
        """Take a page of what user says."""
        self.put(Edge.BLOCK, page.blocks)
        self.put(Edge.MUTE, page.mutes)
        self.set_private(page.private, [True] * len(page.private.versions))
        self.set_suggestible(page.unsuggested, [False] * len(page.unsuggested.versions))

    def set_private(self, people: FlagBatch, private: Sequence[bool]) -> None:
        """Say of each whether his account is private."""
        self.adjacency.set_private(people.users, private, versions=people.versions)

    def set_suggestible(self, people: FlagBatch, suggestible: Sequence[bool]) -> None:
        """Say of each whether he may be suggested. Late news of somebody who may not is not believed."""
        for user, version, may in zip(split(people.users), people.versions, suggestible, strict=True):
            known = self._unsuggested.get(user, -1)
            if version < known:
                continue
            if may:
                self._unsuggested.pop(user, None)
            else:
                self._unsuggested[user] = version

    def may_suggest(self, user: bytes) -> bool:
        """Return whether somebody may be offered to others."""
        return user not in self._unsuggested

    def forget_ended(self, *, before_version: int) -> None:
        """Forget tombstones so old that no late event can be older."""
        self.adjacency.prune_tombstones(before_version=before_version)

    def fingerprint(self) -> bytes:
        """Return 16 bytes that two states have in common when they hold the same facts."""
        facts = self.adjacency.content_hash() + b"".join(sorted(self._unsuggested))
        return blake2b(facts, digest_size=16).digest()

    def __len__(self) -> int:
        sizes = self.adjacency.sizes()
        edges = sum(sizes[kind] for kind in ("follows", "requests", "blocks", "mutes", "private"))
        return edges + len(self._unsuggested)

    def _put_follows(self, follows: Sequence[Follow]) -> None:
        if follows:
            self.adjacency.put(
                Edge.FOLLOW,
                [follow.follower_id for follow in follows],
                [follow.followee_id for follow in follows],
                at_ms=[unix_ms(follow.since) for follow in follows],
                versions=[follow.version for follow in follows],
            )

    def _put_requests(self, requests: Sequence[FollowRequest]) -> None:
        if requests:
            self.adjacency.put(
                Edge.REQUEST,
                [request.requester_id for request in requests],
                [request.requested_id for request in requests],
                at_ms=[unix_ms(request.since) for request in requests],
                versions=[request.version for request in requests],
            )


class Network:
    """The state in use, and the one that is being loaded to take its place."""

    def __init__(self) -> None:
        self._current: People | None = None
        self._loading: People | None = None

    @property
    def loaded(self) -> bool:
        """Whether there is a state to answer from."""
        return self._current is not None

    def people(self) -> People:
        """Return the state in use. Raises `GraphLoading` before the first load is done."""
        if self._current is None:
            raise GraphLoading
        return self._current

    def apply(self, changes: Changes) -> None:
        """Apply a committed write of this process: its next answers know of it."""
        for state in (self._current, self._loading):
            if state is not None:
                state.apply(changes)

    @contextmanager
    def loading(self) -> Iterator[People]:
        """Lend an empty state to be filled; it is in use from the end of the block on, unless that raises."""
        state = self._loading = People()
        try:
            yield state
            self._current = state
        finally:
            self._loading = None
