"""The limits of a person: one window for all gateways, a local budget when Redis is lost."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nova.platform.clock import FixedClock, SystemClock
from nova.platform.config import Limits
from nova.platform.errors import RateLimited
from nova.platform.limits.quota import Quota, Quotas
from nova.platform.limits.user import UserLimiter
from nova.platform.limits.window import SLOTS, TAKE, Window
from nova.platform.redis.client import Redis, connect
from tests.own_valkey import OwnValkey
from tests.waiting import until

MUTATIONS = Quota("mutations", 10, 60)


def limiter(redis: Redis, *, gateways: int = 2) -> UserLimiter:
    return UserLimiter(redis, gateways=gateways, clock=SystemClock())


async def test_two_gateways_share_one_limit(redis: Redis, redis_url: str) -> None:
    other = await connect(redis_url)
    gateways = [limiter(redis), limiter(other)]
    verdicts = await asyncio.gather(*[gateways[i % 2].take(MUTATIONS, "ada") for i in range(40)])
    assert sum(verdict.allowed for verdict in verdicts) == 10
    assert sorted(verdict.remaining for verdict in verdicts if verdict.allowed) == list(range(10))
    assert (await gateways[0].take(MUTATIONS, "grace")).allowed
    await other.aclose()


async def test_q3_ten_fields_of_one_request_are_ten_units(redis: Redis) -> None:
    limits = limiter(redis)
    assert (await limits.take(MUTATIONS, "ada", 10)).remaining == 0
    refused = await limits.take(MUTATIONS, "ada")
    assert not refused.allowed
    assert 54 < refused.retry_after_s <= 66
    with pytest.raises(RateLimited):
        refused.require()


async def test_a_refused_take_uses_nothing(redis: Redis) -> None:
    limits = limiter(redis)
    assert (await limits.take(MUTATIONS, "ada", 8)).allowed
    assert not (await limits.take(MUTATIONS, "ada", 3)).allowed
    assert (await limits.take(MUTATIONS, "ada", 2)).allowed


async def test_the_headers_say_quota_rest_and_reset(redis: Redis) -> None:
    limits = limiter(redis)
    headers = (await limits.take(MUTATIONS, "ada", 4)).headers()
    assert headers["RateLimit-Policy"] == '"mutations";q=10;w=60'
    assert headers["RateLimit"].startswith('"mutations";r=6;t=')
    assert "Retry-After" not in headers
    assert int((await limits.take(MUTATIONS, "ada", 7)).headers()["Retry-After"]) > 54


async def test_a_window_expires_in_redis(redis: Redis) -> None:
    await limiter(redis).take(MUTATIONS, "ada")
    assert 60_000 < await redis.execute("PTTL", "limit:mutations:ada") <= 65_000


async def test_the_configured_quotas_are_those_of_the_specification() -> None:
    quotas = Quotas.configured(Limits())
    assert quotas.of(mutation=True, premium=False) == Quota("mutations", 10, 60)
    assert quotas.of(mutation=False, premium=False) == Quota("queries", 100, 60)
    assert quotas.of(mutation=True, premium=True) == Quota("premium", 1000, 60)


async def test_redis_lost_leaves_a_local_budget_not_an_open_door(valkey: OwnValkey) -> None:
    redis = await connect(valkey.url)
    limits = limiter(redis)
    assert (await limits.take(MUTATIONS, "ada")).remaining == 9
    valkey.kill()
    await until(lambda: not redis.connected)
    allowed = [(await limits.take(MUTATIONS, "ada")).allowed for _ in range(20)]
    assert allowed == [True] * 5 + [False] * 15
    await valkey.start()
    await until(lambda: redis.connected)
    assert (await limits.take(MUTATIONS, "ada")).remaining == 8
    valkey.freeze()
    assert not (await limits.take(MUTATIONS, "ada")).allowed
    valkey.thaw()
    await redis.aclose()


@pytest.mark.parametrize("gateways", [1, 2, 3, 4])
async def test_redis_lost_all_gateways_together_grant_no_more_than_the_limit(
    redis: Redis, gateways: int
) -> None:
    await redis.aclose()
    doors = [limiter(redis, gateways=gateways) for _ in range(gateways)]
    allowed = [(await door.take(MUTATIONS, "ada")).allowed for door in doors for _ in range(20)]
    assert sum(allowed) == MUTATIONS.limit // gateways * gateways


async def test_the_local_windows_are_bounded(redis: Redis) -> None:
    await redis.aclose()
    limits = UserLimiter(
        redis, gateways=1, clock=FixedClock(datetime(2026, 1, 1, tzinfo=UTC)), most_subjects=2
    )
    for subject in ("a", "b", "c"):
        assert (await limits.take(Quota("one", 1, 60), subject)).allowed
    assert (await limits.take(Quota("one", 1, 60), "a")).allowed
    assert not (await limits.take(Quota("one", 1, 60), "c")).allowed


STEPS = st.lists(st.tuples(st.integers(0, 40_000), st.integers(1, 8)), max_size=40)


@given(steps=STEPS)
def test_never_more_than_the_limit_in_any_window(steps: list[tuple[int, int]]) -> None:
    window, now_ms, passed = Window(), 0, list[tuple[int, int]]()
    for wait_ms, units in steps:
        now_ms += wait_ms
        if window.take(MUTATIONS, units, now_ms / 1000).allowed:
            passed.append((now_ms, units))
    for start_ms, _ in passed:
        inside = sum(units for at_ms, units in passed if start_ms <= at_ms < start_ms + 60_000)
        assert inside <= MUTATIONS.limit


@given(steps=STEPS)
def test_who_waits_as_told_is_let_through(steps: list[tuple[int, int]]) -> None:
    window, now_s = Window(), 0.0
    for wait_ms, units in steps:
        now_s += wait_ms / 1000
        verdict = window.take(MUTATIONS, units, now_s)
        if not verdict.allowed:
            assert verdict.retry_after_s <= 60 * (SLOTS + 1) / SLOTS
            now_s += verdict.retry_after_s + 1e-6
            assert window.take(MUTATIONS, units, now_s).allowed


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_the_script_decides_as_the_window_in_python(redis: Redis, steps: list[tuple[int, int]]) -> None:
    window, key, now_ms = Window(), f"limit:test:{uuid4()}", 1_800_000_000_000
    for wait_ms, units in steps:
        now_ms += wait_ms
        verdict = window.take(MUTATIONS, units, now_ms / 1000)
        allowed, remaining, reset_ms, retry_ms = await redis.run(
            TAKE, keys=[key], args=[MUTATIONS.limit, 60_000, units, now_ms]
        )
        assert (bool(allowed), remaining) == (verdict.allowed, verdict.remaining)
        assert reset_ms == pytest.approx(verdict.reset_s * 1000, abs=1)
        assert retry_ms == pytest.approx(verdict.retry_after_s * 1000, abs=1)
