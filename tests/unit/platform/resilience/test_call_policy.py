"""Calls to the outside: what is retried, what opens the circuit, what is refused."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from nova.platform.clock import FixedClock, SystemClock
from nova.platform.errors import Conflict, NotFound, Timeout, Unavailable
from nova.platform.resilience import Breaker, BulkheadFull, CallPolicy, CircuitOpen, RetryBudget
from nova.platform.rpc.context import CallContext, entered
from nova.platform.rpc.status import flattened


def clock() -> FixedClock:
    return FixedClock(datetime(2026, 1, 1, tzinfo=UTC))


class Callee:
    """Answers with the next of its outcomes, the last one for ever."""

    def __init__(self, *outcomes: Exception | str) -> None:
        self._outcomes = list(outcomes)
        self.asked = 0

    async def __call__(self) -> str:
        self.asked += 1
        outcome = self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def policy(**options: object) -> CallPolicy:
    usual = {"clock": SystemClock(), "timeout_s": 5.0, "max_concurrent": 64, "budget": rich()}
    return CallPolicy("test", **(usual | options))  # type: ignore[arg-type]


def rich() -> RetryBudget:
    budget = RetryBudget(saved=1_000)
    for _ in range(1_000):
        budget.earn()
    return budget


async def test_what_may_run_twice_is_retried_until_it_works() -> None:
    callee = Callee(Unavailable(), ConnectionResetError(), "answer")
    assert await policy().call(callee, idempotent=True) == "answer"
    assert callee.asked == 3


async def test_retries_end() -> None:
    callee = Callee(Unavailable())
    with pytest.raises(Unavailable):
        await policy(retries=2).call(callee, idempotent=True)
    assert callee.asked == 3


async def test_r7_a_time_out_is_not_retried() -> None:
    callee = Callee(Timeout(), "answer")
    with pytest.raises(Timeout):
        await policy().call(callee, idempotent=True)
    assert callee.asked == 1


async def test_what_may_not_run_twice_is_tried_once() -> None:
    callee = Callee(Unavailable(), "answer")
    with pytest.raises(Unavailable):
        await policy().call(callee)
    assert callee.asked == 1


@pytest.mark.parametrize("error", [NotFound(), Conflict()])
async def test_a_domain_error_is_an_answer(error: Exception) -> None:
    callee, breaker = Callee(error), Breaker("t", clock=clock(), window=4, most_failures=2)
    guarded = policy(breaker=breaker)
    for _ in range(10):
        with pytest.raises(type(error)):
            await guarded.call(callee, idempotent=True)
    assert callee.asked == 10


@pytest.mark.parametrize(
    ("error", "typed"), [(ConnectionResetError(), Unavailable), (TimeoutError(), Timeout)]
)
async def test_errors_of_the_socket_are_typed(error: Exception, typed: type[Exception]) -> None:
    with pytest.raises(typed):
        await policy().call(Callee(error))


class Silent:
    """Never answers."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self) -> str:
        self.asked += 1
        return await asyncio.Future[str]()


def retries(name: str) -> float:
    return REGISTRY.get_sample_value("outside_retries_total", {"policy": name}) or 0.0


@pytest.mark.parametrize(("timeout_s", "within_s"), [(0.01, None), (0.01, 60.0), (60.0, 0.01)])
async def test_r7_a_call_has_its_time_and_no_try_comes_after_it(
    timeout_s: float, within_s: float | None
) -> None:
    callee, before = Silent(), retries("test")
    with pytest.raises(Timeout):
        await policy(timeout_s=timeout_s).call(callee, within_s=within_s, idempotent=True)
    assert callee.asked == 1
    assert retries("test") == before


async def test_r7_a_failure_that_a_living_callee_tells_of_is_neither_its_own_nor_retried() -> None:
    error = flattened(Unavailable(reason="DATABASE_DOWN"))
    callee, breaker = Callee(error), Breaker("t", clock=clock(), window=4, most_failures=2)
    guarded = policy(breaker=breaker)
    for _ in range(10):
        with pytest.raises(Unavailable, match="try again") as caught:
            await guarded.call(callee, idempotent=True)
        assert caught.value.reason == "DATABASE_DOWN"
    assert callee.asked == 10


async def test_r5_the_deadline_of_the_caller_bounds_all_tries() -> None:
    callee = Callee("answer")
    with entered(CallContext(deadline=SystemClock().monotonic() - 1)), pytest.raises(Timeout):
        await policy().call(callee, idempotent=True)
    assert callee.asked == 0


async def test_a_callee_that_asks_for_a_long_wait_is_not_asked_again_now() -> None:
    callee = Callee(Unavailable(retry_after_s=30), "answer")
    with pytest.raises(Unavailable):
        await policy().call(callee, idempotent=True)
    assert callee.asked == 1


@given(failures=st.lists(st.booleans(), max_size=300))
def test_r7_retries_are_at_most_a_tenth_of_the_calls(failures: list[bool]) -> None:
    budget, retries = RetryBudget(), 0
    for calls, failed in enumerate(failures, 1):
        budget.earn()
        if failed and budget.spend():
            retries += 1
        assert retries <= calls * 0.1 + 1e-6


async def test_r7_a_dead_callee_gets_a_tenth_more_and_no_storm() -> None:
    callee = Callee(Unavailable())
    stubborn = Breaker("t", clock=clock(), window=1, most_failures=2)
    guarded = policy(budget=RetryBudget(), breaker=stubborn, retries=5)
    for _ in range(100):
        with pytest.raises(Unavailable):
            await guarded.call(callee, idempotent=True)
    assert 100 < callee.asked <= 110


async def failing(guarded: CallPolicy, times: int) -> None:
    for _ in range(times):
        with pytest.raises(Unavailable):
            await guarded.call(Callee(Unavailable()))


async def test_the_circuit_opens_probes_once_and_closes() -> None:
    time = clock()
    guarded = policy(breaker=Breaker("t", clock=time, window=4, most_failures=3, rest_s=1), clock=time)
    await failing(guarded, 3)
    callee = Callee("answer")
    with pytest.raises(CircuitOpen) as caught:
        await guarded.call(callee, idempotent=True)
    assert callee.asked == 0
    assert 0 < (caught.value.retry_after_s or 0) <= 1.5

    time.advance(1.5)
    gate = asyncio.Event()

    async def slow() -> str:
        await gate.wait()
        return "probe"

    probe = asyncio.create_task(guarded.call(slow))
    await asyncio.sleep(0)
    with pytest.raises(CircuitOpen):
        await guarded.call(callee)
    gate.set()
    assert await probe == "probe"
    assert await guarded.call(callee) == "answer"


async def test_a_probe_that_fails_opens_again() -> None:
    time = clock()
    guarded = policy(breaker=Breaker("t", clock=time, window=4, most_failures=3, rest_s=1), clock=time)
    await failing(guarded, 3)
    time.advance(1.5)
    await failing(guarded, 1)
    with pytest.raises(CircuitOpen):
        await guarded.call(Callee("answer"))


async def test_what_a_circuit_refuses_is_counted_from_nought_and_by_no_probe() -> None:
    def refused() -> float | None:
        return REGISTRY.get_sample_value("outside_breaker_refused_total", {"policy": "counted"})

    assert refused() is None
    time = clock()
    breaker = Breaker("counted", clock=time, window=4, most_failures=3, rest_s=1)
    guarded = policy(breaker=breaker, clock=time)
    await failing(guarded, 3)
    assert refused() == 0
    for _ in range(2):
        with pytest.raises(CircuitOpen):
            await guarded.call(Callee("answer"))
    assert refused() == 2
    time.advance(1.5)
    await failing(guarded, 1)
    assert refused() == 2


def opened(name: str) -> float | None:
    return REGISTRY.get_sample_value("outside_breaker_open", {"policy": name})


async def test_a_probe_that_is_cancelled_leaves_the_place_to_the_next() -> None:
    time = clock()
    guarded = policy(breaker=Breaker("t", clock=time, window=4, most_failures=3, rest_s=1), clock=time)
    await failing(guarded, 3)
    time.advance(1.5)

    async def forever() -> str:
        return await asyncio.Future[str]()

    probe = asyncio.create_task(guarded.call(forever))
    await asyncio.sleep(0)
    assert opened("t") == 0.5
    probe.cancel()
    await asyncio.wait([probe])
    assert opened("t") == 1
    assert await guarded.call(Callee("answer")) == "answer"
    assert opened("t") == 0


async def test_a_few_failures_among_many_do_not_open() -> None:
    guarded = policy(breaker=Breaker("t", clock=clock(), window=10, most_failures=5))
    for _ in range(30):
        await failing(guarded, 1)
        await guarded.call(Callee("answer"))
        await guarded.call(Callee("answer"))


async def test_more_than_the_bulkhead_holds_is_refused() -> None:
    gate = asyncio.Event()
    guarded = policy(max_concurrent=2)

    async def slow() -> str:
        await gate.wait()
        return "answer"

    running: list[Awaitable[str]] = [asyncio.create_task(guarded.call(slow)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(BulkheadFull):
        await guarded.call(slow)
    gate.set()
    assert await asyncio.gather(*running) == ["answer", "answer"]
    assert await guarded.call(slow) == "answer"


async def test_a_caller_with_little_time_left_says_nothing_about_the_callee() -> None:
    breaker = Breaker("t", clock=SystemClock(), window=4, most_failures=1)
    guarded = policy(timeout_s=60.0, breaker=breaker)
    with entered(CallContext(deadline=SystemClock().monotonic() + 0.01)), pytest.raises(Timeout):
        await guarded.call(Silent())
    assert await guarded.call(Callee("answer")) == "answer"


async def test_fault_a_callee_that_hangs_opens_the_circuit_though_nobody_waits_long() -> None:
    breaker = Breaker("t", clock=SystemClock(), window=4, most_failures=2)
    guarded, callee = policy(timeout_s=60.0, breaker=breaker), Silent()
    for _ in range(2):
        with pytest.raises(Timeout):
            await guarded.call(callee, within_s=0.01)
    with pytest.raises(CircuitOpen):
        await guarded.call(callee, within_s=0.01)
    assert callee.asked == 2


async def test_fault_a_callee_that_hangs_opens_the_circuit_by_what_its_callers_have_left() -> None:
    breaker = Breaker("t", clock=SystemClock(), window=4, most_failures=1)
    guarded = policy(timeout_s=60.0, breaker=breaker)
    with entered(CallContext(deadline=SystemClock().monotonic() + 0.5)), pytest.raises(Timeout):
        await guarded.call(Silent())
    with pytest.raises(CircuitOpen):
        await guarded.call(Silent())
