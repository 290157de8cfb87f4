"""Calls through generated stubs: whatever holds over one transport holds over the other."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from nova.platform.auth.actor import Actor
from nova.platform.errors import (
    Conflict,
    Forbidden,
    Internal,
    InvalidArgument,
    NotFound,
    NovaError,
    RateLimited,
    Unavailable,
)
from nova.platform.ids import uuid7
from nova.platform.rpc.call import MOST_REQUEST_BYTES, Call, Payload
from nova.platform.rpc.context import CallContext, entered
from tests.proto.echo_pb2 import FailRequest, GetProfilesRequest, NothingRequest
from tests.proto.echo_pb2_grpc import EchoServiceStub
from tests.unit.platform.rpc.echo_house import House


async def test_an_answer_comes_back_and_the_request_stays_as_it_was(house: House, signed_in: Actor) -> None:
    ids = [uuid7().bytes for _ in range(20)]
    request = GetProfilesRequest(user_ids=ids)
    answer = await house.stub.GetProfiles(request)
    assert [profile.user_id for profile in answer.profiles] == ids
    assert list(request.user_ids) == ids, "the servicer changed its copy only"


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("not_found", NotFound("No such post.", reason="POST_NOT_FOUND")),
        (
            "conflict",
            Conflict("This handle belongs to somebody else.", field="handle", reason="HANDLE_TAKEN"),
        ),
        ("forbidden", Forbidden("Ärger: 不行")),
        ("limited", RateLimited("Too many requests: wait and try again.", retry_after_s=1.5)),
        ("invalid", InvalidArgument("Too long.", field="caption")),
    ],
)
async def test_an_error_arrives_by_its_code_with_all_it_says(
    house: House, signed_in: Actor, how: str, expected: NovaError
) -> None:
    with pytest.raises(NovaError) as raised:
        await house.stub.Fail(FailRequest(how=how))
    error = raised.value
    assert type(error) is type(expected)
    assert (error.reason, error.message) == (expected.reason, expected.message)
    assert (error.field, error.retry_after_s) == (expected.field, expected.retry_after_s)


async def test_an_unknown_error_is_masked_logged_and_counted(house: House, signed_in: Actor) -> None:
    labels = {"room": "echo", "method": "Fail"}
    before = REGISTRY.get_sample_value("unknown_errors_total", labels) or 0
    with capture_logs() as logs, pytest.raises(Internal) as raised:
        await house.stub.Fail(FailRequest(how="unknown"))
    assert raised.value.message == "Something broke on our side."
    assert "hunter2" not in str(raised.value)
    assert REGISTRY.get_sample_value("unknown_errors_total", labels) == before + 1
    (line,) = logs
    assert line["event"] == "unknown_error"
    assert line["exc_info"]
    assert line["correlation_id"]


async def test_of_errors_side_by_side_the_first_one_arrives(house: House, signed_in: Actor) -> None:
    with pytest.raises(NotFound) as raised:
        await house.stub.Fail(FailRequest(how="several"))
    assert raised.value.reason == "POST_NOT_FOUND"


async def test_an_unknown_error_among_others_is_masked(house: House, signed_in: Actor) -> None:
    with pytest.raises(Internal) as raised:
        await house.stub.Fail(FailRequest(how="several_unknown"))
    assert raised.value.reason == "INTERNAL"


async def test_a_time_out_inside_a_library_is_not_the_callers_deadline(
    house: House, signed_in: Actor
) -> None:
    with pytest.raises(Internal):
        await house.stub.Fail(FailRequest(how="timeout"))


async def test_a_method_that_nobody_wrote_is_unimplemented(house: House, signed_in: Actor) -> None:
    with pytest.raises(Internal) as raised:
        await house.stub.Nothing(NothingRequest())
    assert raised.value.reason == "UNIMPLEMENTED"


async def test_a_method_that_does_not_exist_is_unimplemented(house: House, signed_in: Actor) -> None:
    ask = house.channel.unary_unary(
        "/nova.api.echo.v1.EchoService/Unheard",
        request_serializer=NothingRequest.SerializeToString,
        response_deserializer=NothingRequest.FromString,
    )
    with pytest.raises(Internal) as raised:
        await ask(NothingRequest())
    assert raised.value.reason == "UNIMPLEMENTED"


async def test_r3_a_message_over_1_mib_is_not_sent(house: House, signed_in: Actor) -> None:
    with pytest.raises(InvalidArgument) as raised:
        await house.stub.GetProfiles(GetProfilesRequest(padding=bytes(MOST_REQUEST_BYTES + 1)))
    assert raised.value.reason == "CALL_TOO_LARGE"
    assert house.echo.last_request is None


async def test_calls_are_counted_by_room_method_and_code(house: House, signed_in: Actor) -> None:
    def count(code: str) -> float:
        labels = {"room": "echo", "method": "GetProfiles", "code": code}
        return REGISTRY.get_sample_value("grpc_requests_total", labels) or 0

    good, bad = count("OK"), count("INVALID_ARGUMENT")
    await house.stub.GetProfiles(GetProfilesRequest(user_ids=[uuid7().bytes]))
    with pytest.raises(InvalidArgument):
        await house.stub.GetProfiles(GetProfilesRequest(user_ids=[b"short"]))
    assert (count("OK"), count("INVALID_ARGUMENT")) == (good + 1, bad + 1)
    timed = {"room": "echo", "method": "GetProfiles", "code": "OK"}
    assert REGISTRY.get_sample_value("grpc_request_duration_seconds_count", timed) == good + 1


async def test_a_policy_decides_how_often_a_call_is_tried(house: House, signed_in: Actor) -> None:
    seen: list[Call] = []

    async def twice(call: Call, attempt: Callable[[], Awaitable[Payload]]) -> Payload:
        seen.append(call)
        try:
            return await attempt()
        except NotFound:
            return await attempt()

    stub = EchoServiceStub(house.open(twice))
    with pytest.raises(NotFound):
        await stub.Fail(FailRequest(how="not_found"))
    assert house.echo.calls == 2
    (call,) = seen
    assert (call.method.room, call.method.name, call.method.read_only) == ("echo", "Fail", False)


async def test_a_stopped_server_is_unavailable_and_gives_no_address_away(
    house: House, signed_in: Actor
) -> None:
    await house.server.stop()
    with pytest.raises(Unavailable) as raised:
        await house.stub.GetProfiles(GetProfilesRequest(), timeout=2)
    assert "127.0.0.1" not in str(raised.value)


async def test_channels_offer_unary_calls_only(house: House) -> None:
    for stream in (house.channel.unary_stream, house.channel.stream_unary, house.channel.stream_stream):
        with pytest.raises(NotImplementedError):
            stream("/nova.api.echo.v1.EchoService/GetProfiles")


async def test_calls_at_once_do_not_mix_their_callers(house: House) -> None:
    async def who(actor: Actor) -> bytes:
        with entered(CallContext(actor=actor)):
            described = await house.describe()
        return described.user_id

    actors = [house.actor() for _ in range(20)]
    told = await asyncio.gather(*(who(actor) for actor in actors))
    assert told == [actor.user_id.bytes for actor in actors]
