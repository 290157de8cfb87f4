"""Which sessions have ended, as this process knows it.

An access token lives for an hour; a revocation must be felt within a second. So each process keeps the
revocations of the last hour in memory: they are pushed to it, and polled within the second, for a push can be
lost. It knows how old its view is, so that acts which must not rest on an old view can be refused (`Caution`).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import structlog

from nova.platform.auth.claims import ACCESS_LIFETIME_S, CLOCK_SKEW_S, LEEWAY_S
from nova.platform.clock import Clock
from nova.platform.tasks import Tasks

_log = structlog.get_logger(__name__)
# With the time that a poll itself takes it is less than the second within which a revocation must be felt.
_POLL_S = 0.75
# A sequence number is taken before its row is committed: rows may show up this long after higher ones.
_LATE_COMMIT_S = 10.0
SENSITIVE_AGE_S = 5.0

# Called once for each revocation that is news.
Listener = Callable[["Revocation"], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """One end of trust: of a session, or (with `epoch`) of every token of a user with a smaller epoch.

    `seq` grows with each revocation; `at` is when it was decided.
    """

    seq: int
    user_id: UUID
    session_id: UUID | None = None
    epoch: int | None = None
    at: datetime

    def __post_init__(self) -> None:
        if (self.session_id is None) == (self.epoch is None):
            raise ValueError("A revocation names either a session or an epoch.")


class RevocationFeed(Protocol):
    """Where revocations come from: the room that owns sessions."""

    async def since(self, seq: int) -> Sequence[Revocation]:
        """Return the revocations after `seq`, in order, as far as they still matter (an hour)."""
        ...


class RevocationView:
    """The revocations of the last hour. Entries are dropped once no token that they void can be alive.

    `lifetime_s` and `leeway_s` are the verifier's. A token that a fast clock has issued lives so much longer here.
    """

    def __init__(
        self, *, clock: Clock, lifetime_s: int = ACCESS_LIFETIME_S, leeway_s: int = LEEWAY_S
    ) -> None:
        self._clock = clock
        self._keep = timedelta(seconds=lifetime_s + CLOCK_SKEW_S + 2 * leeway_s)
        # Keyed by UUID.int: a UUID hashes in Python code, an int does not, and every call asks.
        self._sessions: dict[int, datetime] = {}
        self._epochs: dict[int, tuple[int, datetime]] = {}
        self._expiring: deque[tuple[datetime, Revocation]] = deque()
        self._listeners: list[Listener] = []
        self._fresh_at: float | None = None

    def __len__(self) -> int:
        return len(self._sessions) + len(self._epochs)

    def apply(self, revocation: Revocation) -> None:
        """Take a revocation in. Applying it again changes nothing."""
        now = self._clock.now()
        self._drop_before(now)
        if not self._take(revocation, now + self._keep):
            return
        for listener in tuple(self._listeners):
            try:
                listener(revocation)
            except Exception:  # noqa: BLE001 - one listener must not keep the others from hearing
                _log.exception("revocation_listener_failed")

    def is_revoked(self, *, user_id: UUID, session_id: UUID, epoch: int) -> bool:
        """Return whether a token of that session and epoch is void."""
        if session_id.int in self._sessions:
            return True
        known = self._epochs.get(user_id.int)
        return known is not None and epoch < known[0]

    def mark_fresh(self, as_of: float) -> None:
        """Note that everything decided before `as_of` (monotonic, in seconds) has been applied."""
        self._fresh_at = as_of if self._fresh_at is None else max(self._fresh_at, as_of)
        self._drop_before(self._clock.now())

    def age_s(self) -> float:
        """Return how many seconds ago the view was last complete; infinite before the first time."""
        return float("inf") if self._fresh_at is None else self._clock.monotonic() - self._fresh_at

    def is_fresh(self) -> bool:
        """Return whether the view is young enough for sensitive acts."""
        return self.age_s() <= SENSITIVE_AGE_S

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` for each new revocation, until the returned function is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _take(self, revocation: Revocation, until: datetime) -> bool:
        if revocation.session_id is not None:
            key = revocation.session_id.int
            if key in self._sessions:
                return False
            self._sessions[key] = until
        elif revocation.epoch is not None:
            known = self._epochs.get(revocation.user_id.int)
            if known is not None and known[0] >= revocation.epoch:
                return False
            self._epochs[revocation.user_id.int] = (revocation.epoch, until)
        self._expiring.append((until, revocation))
        return True

    def _drop_before(self, now: datetime) -> None:
        while self._expiring and self._expiring[0][0] <= now:
            until, revocation = self._expiring.popleft()
            if revocation.session_id is not None:
                self._sessions.pop(revocation.session_id.int, None)
            elif self._epochs.get(revocation.user_id.int, (0, now))[1] == until:
                del self._epochs[revocation.user_id.int]


class RevocationFollower:
    """Keeps a view fresh by polling its feed within the second.

    Numbers are read again for ten seconds, so that a row which was committed late is not skipped.
    """

    def __init__(self, view: RevocationView, feed: RevocationFeed, *, tasks: Tasks, clock: Clock) -> None:
        self._view = view
        self._feed = feed
        self._tasks = tasks
        self._clock = clock
        self._settled = 0
        self._unsettled: deque[tuple[float, int]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read once, if the feed answers, and go on in the background."""
        await self._try_poll()
        self._task = self._tasks.spawn("auth.revocations", self._run(), critical=True)

    async def stop(self) -> None:
        """End the polling."""
        if self._task is not None:
            await self._tasks.cancel(self._task)
            self._task = None

    async def poll(self) -> None:
        """Apply what is new. Raises what the feed raises."""
        started = self._clock.monotonic()
        while self._unsettled and self._unsettled[0][0] <= started - _LATE_COMMIT_S:
            self._settled = self._unsettled.popleft()[1]
        newest = self._settled
        for revocation in await self._feed.since(self._settled):
            self._view.apply(revocation)
            newest = max(newest, revocation.seq)
        if newest > (self._unsettled[-1][1] if self._unsettled else self._settled):
            self._unsettled.append((started, newest))
        self._view.mark_fresh(started)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_POLL_S)
            await self._try_poll()

    async def _try_poll(self) -> None:
        try:
            await self.poll()
        except Exception as error:  # noqa: BLE001 - whatever the feed's trouble, the next poll tries again
            _log.warning("revocation_poll_failed", error=type(error).__name__, age_s=self._view.age_s())
