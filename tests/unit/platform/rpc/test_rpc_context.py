"""What travels with a call, and who may make it."""

import asyncio
import re
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nova.platform.auth.actor import Actor
from nova.platform.auth.epochs import Revocation
from nova.platform.errors import InvalidArgument, Timeout, Unauthenticated
from nova.platform.ids import uuid7
from nova.platform.rpc.call import HOP_MARGIN_S
from nova.platform.rpc.context import (
    CallContext,
    current_actor,
    current_call,
    entered,
    in_time,
    remaining_s,
    sooner,
)
from tests.proto.echo_pb2 import GetProfilesRequest
from tests.unit.platform.rpc.echo_house import House


async def test_actor_correlation_and_idempotency_go_along(house: House) -> None:
    actor = house.actor()
    with entered(CallContext(actor=actor, correlation_id="client-0001", idempotency_key="key/1")):
        described = await house.describe()
    assert described.user_id == actor.user_id.bytes
    assert described.correlation_id == "client-0001"
    assert described.idempotency_key == "key/1"


async def test_a_room_calls_on_for_its_caller(house: House) -> None:
    actor = house.actor()
    with entered(CallContext(actor=actor, correlation_id="client-0005")):
        answer = await house.stub.GetProfiles(GetProfilesRequest(handle="hop"), timeout=0.9)
    (seen,) = answer.profiles
    assert seen.user_id == actor.user_id.bytes
    assert seen.handle == "client-0005"
    assert float(seen.bio) >= HOP_MARGIN_S, "the second hop has less time than the first"


def test_a_part_of_the_answer_has_a_sooner_deadline() -> None:
    began = time.monotonic()
    call = CallContext(correlation_id="client-0006", deadline=began + 100.0)
    nearer = sooner(call, share=0.8)
    assert nearer.deadline is not None
    assert began + 80.0 <= nearer.deadline < began + 100.0
    assert nearer == replace(call, deadline=nearer.deadline)
    assert sooner(CallContext(), share=0.8) == CallContext()


async def test_what_knows_no_deadline_ends_with_that_of_the_call() -> None:
    with entered(CallContext(deadline=time.monotonic() + 0.01)), pytest.raises(Timeout):
        async with in_time():
            await asyncio.Event().wait()


async def test_a_time_out_of_something_else_is_not_taken_for_the_deadline() -> None:
    with entered(CallContext(deadline=time.monotonic() + 100.0)), pytest.raises(TimeoutError):
        async with in_time(), asyncio.timeout(0):
            await asyncio.Event().wait()


@pytest.mark.parametrize("dirty", ["", "short", "x" * 65, 'quote"inside', "with space"])
async def test_h11_a_correlation_id_that_is_not_clean_is_replaced(house: House, dirty: str) -> None:
    with entered(CallContext(correlation_id=dirty)):
        described = await house.describe()
    assert re.fullmatch(r"[0-9a-f]{32}", described.correlation_id)


async def test_an_idempotency_key_without_form_is_refused(house: House) -> None:
    with entered(CallContext(idempotency_key="x" * 129)), pytest.raises(InvalidArgument) as raised:
        await house.describe()
    assert raised.value.field == "idempotency-key"


async def test_a_stranger_hears_nothing_of_the_form_of_his_key(house: House) -> None:
    with entered(CallContext(idempotency_key="x" * 129)), pytest.raises(Unauthenticated):
        await house.stub.GetProfiles(GetProfilesRequest())
    assert house.echo.last_request is None


async def test_the_callers_context_is_back_after_the_call(house: House) -> None:
    mine = CallContext(actor=house.actor(), correlation_id="client-0002")
    with entered(mine):
        await house.describe()
        assert current_call() is mine
    assert current_call() == CallContext()
    assert remaining_s() is None


def test_outside_of_a_call_there_is_no_actor() -> None:
    with pytest.raises(Unauthenticated):
        current_actor()


async def test_r2_a_method_needs_an_actor(house: House) -> None:
    with pytest.raises(Unauthenticated):
        await house.stub.GetProfiles(GetProfilesRequest())


async def test_r2_a_system_method_does_not(house: House) -> None:
    assert (await house.describe()).user_id == b""


async def test_r2_the_called_room_verifies_the_token_itself(house: House) -> None:
    forger = house.acting(house.issuer.altered(iss="somebody-else"), uuid7(), uuid7())
    with entered(CallContext(actor=forger)), pytest.raises(Unauthenticated):
        await house.stub.GetProfiles(GetProfilesRequest())


async def test_r2_a_bad_token_is_refused_by_a_system_method_too(house: House) -> None:
    forger = house.acting("a.b.c", uuid7(), uuid7())
    with entered(CallContext(actor=forger)), pytest.raises(Unauthenticated) as raised:
        await house.describe()
    assert raised.value.reason == "INVALID_TOKEN"


async def test_r2_an_ended_session_is_refused_from_the_next_call_on(house: House) -> None:
    actor: Actor = house.actor()
    with entered(CallContext(actor=actor)):
        await house.stub.GetProfiles(GetProfilesRequest())
        house.revocations.apply(
            Revocation(seq=1, user_id=actor.user_id, session_id=actor.session_id, at=datetime.now(UTC))
        )
        with pytest.raises(Unauthenticated) as raised:
            await house.stub.GetProfiles(GetProfilesRequest())
    assert raised.value.reason == "REVOKED_TOKEN"
