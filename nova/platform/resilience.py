"""The one standard for calls to the outside: a time-out, few retries, a circuit breaker, a bulkhead.

Only what says something about the callee counts as a failure: `Unavailable`, `Timeout` and errors of the socket.
A domain error (`NotFound`, `Conflict`, …) is an answer. Only what may run twice is retried.
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

_RETRY_FIRST_S = 0.025
_RETRY_LONGEST_S = 0.25


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
        self._state = _State.CLOSED
        self._open_until = 0.0
        self._turn = 0

    def admit(self) -> int:
        """Let a call through and return its turn; raises `CircuitOpen`."""
        if self._state is not _State.CLOSED:
            wait_s = self._open_until - self._clock.monotonic()
            if self._state is _State.PROBED or wait_s > 0:
                raise CircuitOpen(retry_after_s=max(wait_s, 0.0))
            self._enter(_State.PROBED)
        return self._turn

    def settle(self, turn: int, *, failed: bool) -> None:
        """Take the outcome of an admitted call."""
        if turn != self._turn:
            return
        if self._state is _State.PROBED:
            self._enter(_State.OPEN if failed else _State.CLOSED)
            return
        self._failed.append(failed)
        if failed and sum(self._failed) >= self._most_failures:
            self._enter(_State.OPEN)

    def abandon(self, turn: int) -> None:
        """Take back an admitted call that ended without an outcome; the next call probes at once."""
        if turn == self._turn and self._state is _State.PROBED:
            self._open_until = 0.0
            self._state = _State.OPEN
            self._turn += 1

    def _enter(self, state: _State) -> None:
        self._state = state
        self._turn += 1
        self._gauge.set(state.value)
        self._failed.clear()
        if state is _State.OPEN:
            jitter = random.uniform(1.0, 1.5)  # noqa: S311 - spreads load, hides nothing
            self._open_until = self._clock.monotonic() + self._rest_s * jitter


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
    """How one callee is called. `timeout_s` bounds each try; the deadline of the caller bounds all of them."""

    def __init__(
        self,
        name: str,
        *,
        clock: Clock,
        timeout_s: float,
        retries: int = 2,
        retry_on: tuple[type[NovaError], ...] = (Unavailable, Timeout),
        budget: RetryBudget | None = None,
        breaker: Breaker | None = None,
        max_concurrent: int = 1_000,
    ) -> None:
        self._name = name
        self._clock = clock
        self._timeout_s = timeout_s
        self._retries = retries
        self._retry_on = retry_on
        self._budget = budget or RetryBudget()
        self._breaker = breaker or Breaker(name, clock=clock)
        self._most = max_concurrent
        self._running = 0

    async def call(self, attempt: Attempt[T], *, idempotent: bool = False) -> T:
        """Return what `attempt()` returns; it is awaited again only if it is `idempotent`.

        Raises `Unavailable` (also `CircuitOpen`, `BulkheadFull`), `Timeout`, and what the callee answers.
        """
        if self._running >= self._most:
            CALLS.labels(self._name, "full").inc()
            raise BulkheadFull
        self._running += 1
        self._budget.earn()
        try:
            result = await self._tried(attempt, self._retries if idempotent else 0)
        except NovaError as error:
            CALLS.labels(self._name, _outcome(error)).inc()
            raise
        finally:
            self._running -= 1
        CALLS.labels(self._name, "ok").inc()
        return result

    async def _tried(self, attempt: Attempt[T], retries: int) -> T:
        tried = 0
        while True:
            try:
                return await self._once(attempt)
            except CircuitOpen:
                raise
            except self._retry_on as error:
                ceiling_s = min(_RETRY_FIRST_S * 2.0**tried, _RETRY_LONGEST_S)
                # Full jitter: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
                wait_s = max(random.uniform(0.0, ceiling_s), error.retry_after_s or 0.0)  # noqa: S311 - spreads load
                left_s = remaining_s()
                late = wait_s > _RETRY_LONGEST_S or (left_s is not None and left_s <= wait_s)
                if tried >= retries or late or not self._budget.spend():
                    raise
                tried += 1
            RETRIES.labels(self._name).inc()
            await asyncio.sleep(wait_s)

    async def _once(self, attempt: Attempt[T]) -> T:
        left_s = remaining_s()
        if left_s is not None and left_s <= 0:
            raise Timeout("The deadline had passed before the call was made.")
        timeout_s = self._timeout_s if left_s is None else min(self._timeout_s, left_s)
        turn = self._breaker.admit()
        started_at = self._clock.monotonic()
        try:
            result = await _typed(attempt, timeout_s)
        except Exception as error:
            # A caller with little time left says nothing about the callee.
            short = isinstance(error, Timeout) and self._clock.monotonic() - started_at < self._timeout_s / 2
            if short:
                self._breaker.abandon(turn)
            else:
                self._breaker.settle(turn, failed=isinstance(error, Unavailable | Timeout))
            raise
        except BaseException:
            self._breaker.abandon(turn)
            raise
        self._breaker.settle(turn, failed=False)
        return result


async def _typed(attempt: Attempt[T], timeout_s: float) -> T:
    """Await one try, with the errors of sockets and timers turned into ours."""
    try:
        async with asyncio.timeout(timeout_s):
            return await attempt()
    except TimeoutError as error:
        raise Timeout(f"No answer within {timeout_s:g} s.") from error
    except OSError as error:
        raise Unavailable("The connection failed: try again.") from error


def _outcome(error: NovaError) -> str:
    if isinstance(error, CircuitOpen):
        return "refused"
    return "failed" if isinstance(error, Unavailable | Timeout) else "answered"
