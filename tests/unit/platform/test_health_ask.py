"""Liveness and readiness: what they ask, and what they say."""

import asyncio

import pytest

from nova.platform.errors import Unavailable
from nova.platform.health import Health


async def fine() -> None: ...


async def down() -> None:
    raise Unavailable("PostgreSQL does not answer.")


async def odd() -> None:
    raise ValueError("password=hunter2")


async def silent() -> None:
    await asyncio.Event().wait()


async def test_all_checks_pass_or_the_process_is_not_ready() -> None:
    health = Health(timeout_s=0.05)
    health.add("log", fine)
    assert await health.is_ready()
    health.add("postgres", down)
    health.add("cache", odd)
    health.add("peer", silent)
    report = await health.ready()
    assert not report.ok
    assert report.failures == {
        "log": None,
        "postgres": "PostgreSQL does not answer.",
        "cache": "ValueError",
        "peer": "no answer within 0.05 s",
    }


async def test_a_process_that_is_not_ready_is_still_alive() -> None:
    health = Health()
    health.add("postgres", down)
    health.add("loop", fine, liveness=True)
    assert (await health.live()).ok
    assert not (await health.ready()).ok


def test_a_name_is_used_once() -> None:
    health = Health()
    health.add("log", fine)
    with pytest.raises(ValueError, match="log"):
        health.add("log", fine)
