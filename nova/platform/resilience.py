"""The one standard for calls to the outside: a time-out, few retries, a circuit breaker, a bulkhead.

A failure is a callee that cannot be reached, or takes longer than it may. What it says itself is an answer, also that
something behind it is away: who says so lives, and costs no time. Only whoever met a failure tries again, so that tries
do not multiply from hop to hop, and only what may run twice. `docs/decisions/0020-calls-to-the-outside.md` says why.
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import TypeVar

from prometheus_client import Counter, Gauge

from nova.platform.clock import Clock
from nova.platform.errors import NovaError, Timeout, Unavailable
from nova.platform.rpc.context import remaining_s

T = TypeVar("T")
Attempt = Callable[[], Awaitable[T]]

CALLS = Counter("outside_calls", "Calls to the outside, retries not counted.", ["policy", "outcome"])
RETRIES = Counter("outside_retries", "Calls to the outside that were tried again.", ["policy"])
BREAKER = Gauge("outside_breaker_open", "1 while a circuit is open, 0.5 while it is probed.", ["policy"])
REFUSED = Counter(
    "outside_breaker_refused", "Calls that were not made, their circuit being open.", ["policy"]
)

_RETRY_FIRST_S = 0.025
_RETRY_LONGEST_S = 0.25
# Several times what any room takes for what it is asked often: who waited so long has met a slow one.
_TELLING_S = 0.2


class CircuitOpen(Unavailable):
    """The callee failed too often and is left alone for a moment: try again."""


class BulkheadFull(Unavailable):
    """Too many calls to this callee are in progress: try again."""


class _State(Enum):
    CLOSED = 0.0
    PROBED = 0.5
    OPEN = 1.0


class Breaker:
    """Opens when `most_failures` of the last `window` calls failed; then one call at a time asks how it stands.

    Open, it refuses for `rest_s` (with jitter, so that many processes do not probe as one); a probe that
    succeeds closes it. A call that was admitted before the state changed no longer counts.
    """

    def __init__(
        self, name: str, *, clock: Clock, window: int = 20, most_failures: int = 10, rest_s: float = 1.0
    ) -> None:
        self._clock = clock
        self._most_failures = most_failures
        self._rest_s = rest_s
        self._failed: deque[bool] = deque(maxlen=window)
        self._gauge = BREAKER.labels(name)
        self._refused = REFUSED.labels(name)
        self._state = _State.CLOSED
        self._open_until = 0.0
        self._turn = 0

    def admit(self) -> int:
        """Let a call through and return its turn; raises `CircuitOpen`."""
        if self._state is not _State.CLOSED:
            wait_s = self._open_until - self._clock.monotonic()
            if self._state is _State.PROBED or wait_s > 0:
                self._refused.inc()
                raise CircuitOpen(retry_after_s=max(wait_s, 0.0))
            self._enter(_State.PROBED)
        return self._turn

    def settle(self, turn: int, *, failed: bool) -> None:
        """Take the outcome of an admitted call."""
        if turn != self._turn:
            return
        if self._state is _State.PROBED:
            self._enter(_State.OPEN if failed else _State.CLOSED, rest_s=self._rest_s)
            return
        self._failed.append(failed)
        if failed and sum(self._failed) >= self._most_failures:
            self._enter(_State.OPEN, rest_s=self._rest_s)

    def abandon(self, turn: int) -> None:
        """Take back an admitted call that ended without an outcome; the next call probes at once."""
        if turn == self._turn and self._state is _State.PROBED:
            self._enter(_State.OPEN, rest_s=0.0)

    def _enter(self, state: _State, *, rest_s: float = 0.0) -> None:
        self._state = state
        self._turn += 1
        self._gauge.set(state.value)
        self._failed.clear()
        jitter = random.uniform(1.0, 1.5)  # noqa: S311 - spreads load, hides nothing
        self._open_until = self._clock.monotonic() + rest_s * jitter


class RetryBudget:
    """Retries may be at most `share` of the calls; up to `saved` retries are kept for a bad moment."""

    def __init__(self, *, share: float = 0.1, saved: float = 10.0) -> None:
        self._share = share
        self._saved = saved
        self._left = 0.0

    def earn(self) -> None:
        """Count a call."""
        self._left = min(self._left + self._share, self._saved)

    def spend(self) -> bool:
        """Take one retry; False when the calls so far have not earned it."""
        # Ten tenths are a little less than one in binary.
        if self._left < 1.0 - 1e-9:
            return False
        self._left -= 1.0
        return True


class CallPolicy:
    """How one callee is called: `max_concurrent` calls at a time, each within `timeout_s`, all its tries together.

    `max_concurrent` is the bulkhead: no more than that wait for a callee that hangs.
    """

    def __init__(
        self,
        name: str,
        *,
        clock: Clock,
        timeout_s: float,
        max_concurrent: int,
        retries: int = 2,
        budget: RetryBudget | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        self._name = name
        self._clock = clock
        self._timeout_s = timeout_s
        self._most = max_concurrent
        self._retries = retries
        self._budget = budget or RetryBudget()
        self._breaker = breaker or Breaker(name, clock=clock)
        self._running = 0

    async def call(
        self, attempt: Attempt[T], *, within_s: float | None = None, idempotent: bool = False
    ) -> T:
        """Return what `attempt()` returns; it is awaited again only if it is `idempotent`.

        `within_s` is for who wants to wait less than `timeout_s`; what is left of the call that is being served
        bounds it too. Raises `Unavailable` (also `CircuitOpen`, `BulkheadFull`), `Timeout`, and what the callee
        answers.
        """
        if self._running >= self._most:
            CALLS.labels(self._name, "full").inc()
            raise BulkheadFull
        self._running += 1
        self._budget.earn()
        own_s = self._timeout_s if within_s is None else min(self._timeout_s, within_s)
        try:
            result = await self._tried(attempt, own_s, self._retries if idempotent else 0)
        except NovaError as error:
            CALLS.labels(self._name, _outcome(error)).inc()
            raise
        finally:
            self._running -= 1
        CALLS.labels(self._name, "ok").inc()
        return result

    async def _tried(self, attempt: Attempt[T], own_s: float, retries: int) -> T:
        ends_at = self._clock.monotonic() + own_s
        tried = 0
        while True:
            try:
                return await self._once(attempt, ends_at, telling_s=min(own_s / 2, _TELLING_S))
            except Unavailable as error:
                # Who has timed out has no time for another try.
                wait_s = _wait_s(tried, error)
                late = wait_s > _RETRY_LONGEST_S or wait_s >= self._left_s(ends_at)
                if not _failed(error) or late or tried >= retries or not self._budget.spend():
                    raise
                tried += 1
            await asyncio.sleep(wait_s)
            RETRIES.labels(self._name).inc()

    async def _once(self, attempt: Attempt[T], ends_at: float, *, telling_s: float) -> T:
        """Try, in the time that is left. A time-out in less than `telling_s` says nothing about the callee."""
        left_s = self._left_s(ends_at)
        if left_s <= 0:
            raise Timeout("The deadline had passed before the call was made.")
        turn = self._breaker.admit()
        try:
            result = await _typed(attempt, left_s)
        except Exception as error:
            if isinstance(error, Timeout) and left_s < telling_s:
                self._breaker.abandon(turn)
            else:
                self._breaker.settle(turn, failed=_failed(error))
            raise
        except BaseException:
            self._breaker.abandon(turn)
            raise
        self._breaker.settle(turn, failed=False)
        return result

    def _left_s(self, ends_at: float) -> float:
        """Return what is left of the call's own time, and of the caller's."""
        own_s, callers_s = ends_at - self._clock.monotonic(), remaining_s()
        return own_s if callers_s is None else min(own_s, callers_s)


async def _typed(attempt: Attempt[T], timeout_s: float) -> T:
    """Await one try, with the errors of sockets and timers turned into ours."""
    try:
        async with asyncio.timeout(timeout_s):
            return await attempt()
    except TimeoutError as error:
        raise Timeout(f"No answer within {timeout_s:g} s.") from error
    except OSError as error:
        raise Unavailable("The connection failed: try again.") from error


def retry_wait_s(tried: int) -> float:
    """Return how many seconds to wait before the try after `tried` others and the first: full jitter.

    "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    return random.uniform(0.0, min(_RETRY_FIRST_S * 2.0**tried, _RETRY_LONGEST_S))  # noqa: S311 - spreads load


def _wait_s(tried: int, error: NovaError) -> float:
    """Return how long to wait before the next try: what the callee asked for, if that is longer."""
    return max(retry_wait_s(tried), error.retry_after_s or 0.0)


def _failed(error: Exception) -> bool:
    """Return whether the callee was away, or took longer than it may, also where it says so itself in the end."""
    if isinstance(error, CircuitOpen):
        return False
    return isinstance(error, Timeout) or (isinstance(error, Unavailable) and not error.told)


def _outcome(error: NovaError) -> str:
    if isinstance(error, CircuitOpen):
        return "refused"
    return "failed" if _failed(error) else "answered"
