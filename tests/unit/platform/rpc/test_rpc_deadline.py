"""Deadlines: given, missing, absurd, passed; and callers who leave."""

import asyncio
import time

import pytest

from nova.platform.auth.actor import Actor
from nova.platform.errors import Timeout
from nova.platform.rpc.call import DEFAULT_TIMEOUT_S, HOP_MARGIN_S, LONGEST_TIMEOUT_S
from nova.platform.rpc.context import CallContext, current_call, entered, within
from tests.proto.echo_pb2 import DescribeCallRequest, WaitRequest
from tests.unit.platform.rpc.echo_house import House

PATIENCE_S = 10.0


async def test_r5_a_missing_deadline_becomes_the_default(house: House) -> None:
    described = await house.describe()
    assert 0 < described.remaining_s <= DEFAULT_TIMEOUT_S


async def test_r5_an_absurd_deadline_is_clamped(house: House) -> None:
    described = await house.stub.DescribeCall(DescribeCallRequest(), timeout=86_400)
    assert DEFAULT_TIMEOUT_S < described.remaining_s <= LONGEST_TIMEOUT_S


async def test_r5_the_deadline_shrinks_by_the_hop(house: House) -> None:
    deadline = time.monotonic() + 2.0
    with entered(CallContext(deadline=deadline)):
        described = await house.describe()
    assert 0 < described.remaining_s <= 2.0 - HOP_MARGIN_S


async def test_r5_a_caller_cannot_give_more_time_than_it_has(house: House) -> None:
    with entered(CallContext(deadline=time.monotonic() + 2.0)):
        described = await house.stub.DescribeCall(DescribeCallRequest(), timeout=20)
    assert described.remaining_s <= 2.0 - HOP_MARGIN_S


async def test_r5_without_time_left_nobody_is_called(house: House) -> None:
    context = CallContext(actor=house.actor(), deadline=time.monotonic() + HOP_MARGIN_S / 2)
    with entered(context), pytest.raises(Timeout) as raised:
        await house.stub.Wait(WaitRequest())
    assert raised.value.reason == "NO_TIME_LEFT"
    assert not house.echo.waiting.is_set()


@pytest.mark.parametrize("left_s", [None, 60.0, 1.0])
async def test_r5_a_block_gives_those_whom_it_asks_no_more_than_it_has(
    house: House, left_s: float | None
) -> None:
    limit_s = 2.0
    deadline = None if left_s is None else time.monotonic() + left_s
    with entered(CallContext(deadline=deadline)) as before:
        async with within(limit_s):
            described = await house.describe()
        assert current_call() is before
    assert 0 < described.remaining_s <= min(limit_s, left_s or limit_s) - HOP_MARGIN_S


async def test_r5_a_block_ends_when_its_time_is_over() -> None:
    with pytest.raises(TimeoutError):
        async with within(0.01):
            await asyncio.Future[None]()


async def test_r5_work_is_cancelled_when_its_deadline_passes(house: House, signed_in: Actor) -> None:
    with pytest.raises(Timeout):
        await house.stub.Wait(WaitRequest(), timeout=0.2)
    async with asyncio.timeout(PATIENCE_S):
        await house.echo.cancelled.wait()


async def test_r5_work_is_cancelled_when_its_caller_leaves(house: House, signed_in: Actor) -> None:
    async def ask() -> None:
        await house.stub.Wait(WaitRequest())

    caller = asyncio.create_task(ask())
    async with asyncio.timeout(PATIENCE_S):
        await house.echo.waiting.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        await house.echo.cancelled.wait()
