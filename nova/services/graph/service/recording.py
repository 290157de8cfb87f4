"""Telling what a transaction did to the ledger: to the other rooms, and to the adjacency of this process."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from nova.platform.events import Event, Received
from nova.services.graph import events
from nova.services.graph.model import Changes, UserId
from nova.services.graph.network import Network
from nova.services.graph.store.tx import GraphTx

Causes = Mapping[UserId, Received[Any]]


class Recorder:
    """The one way by which changes leave a transaction."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def record(self, tx: GraphTx, changes: Changes, at: datetime, causes: Causes | None = None) -> None:
        """Emit the events of the changes, and apply them here once they are committed.

        `causes` are the events that are being handled, by the user of whom they tell.
        """
        for event, source, target in _events(changes, at):
            cause = None if causes is None else causes.get(source) or causes.get(target)
            tx.emit(event, cause=cause)
        tx.after_commit(lambda: self._network.apply(changes))


def _events(changes: Changes, at: datetime) -> Iterator[tuple[Event, UserId, UserId]]:
    """Yield each event with the two whom it is about; the end of a request comes before the follow it became."""
    for request in changes.unrequested:
        yield events.request_deleted(request, at), request.requester_id, request.requested_id
    for follow in changes.unfollowed:
        yield events.follow_deleted(follow, at), follow.follower_id, follow.followee_id
    for request in changes.requested:
        yield events.request_created(request), request.requester_id, request.requested_id
    for follow in changes.followed:
        yield events.follow_created(follow), follow.follower_id, follow.followee_id
