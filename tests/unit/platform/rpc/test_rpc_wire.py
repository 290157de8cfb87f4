"""What strangers may send to a port: bytes, metadata and messages that no stub would make."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from nova.platform.errors import Internal, Unavailable
from nova.platform.rpc.bounds import MOST_ENTRIES
from nova.platform.rpc.call import MOST_REQUEST_BYTES
from nova.platform.rpc.context import CallContext, entered
from nova.platform.rpc.server import LIVENESS, WireServer
from nova.platform.telemetry.tracing import Tracing
from tests.proto.echo_pb2 import (
    DescribeCallRequest,
    DescribeCallResponse,
    GetProfilesRequest,
    Nested,
    WaitRequest,
)
from tests.unit.platform.rpc.echo_house import House, served
from tests.waiting import until

ECHO = "/nova.api.echo.v1.EchoService"
INVALID = grpc.StatusCode.INVALID_ARGUMENT
# Field 1, a length of 100, and three bytes: cut short.
CUT_SHORT = b"\x0a\x64abc"


@asynccontextmanager
async def connected(house: House, **options: int) -> AsyncIterator[grpc.aio.Channel]:
    """A channel of the library's own, without any of our middlewares."""
    assert isinstance(house.server, WireServer)
    given = [(f"grpc.{name}", value) for name, value in options.items()]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{house.server.port}", options=given) as channel:
        yield channel


async def refusal(
    house: House,
    method: str,
    raw: bytes,
    *metadata: tuple[str, str],
    compression: grpc.Compression | None = None,
) -> grpc.aio.AioRpcError:
    """Return how the server refuses these bytes of a signed-in caller."""
    bearer = ("authorization", f"Bearer {house.issuer.token()}")
    async with connected(house) as channel:
        ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"{ECHO}/{method}")
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await ask(raw, metadata=metadata or (bearer,), timeout=10, compression=compression)
    return raised.value


async def test_r4_bytes_that_cannot_be_read_are_an_invalid_argument(wire_house: House) -> None:
    error = await refusal(wire_house, "GetProfiles", CUT_SHORT)
    assert error.code() is INVALID
    assert error.details() == "The message cannot be read."


async def test_r4_nobody_without_a_token_makes_us_read(wire_house: House) -> None:
    error = await refusal(wire_house, "GetProfiles", CUT_SHORT, ("x-correlation-id", "stranger-1"))
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_r4_holds_for_health_too(wire_house: House) -> None:
    async with connected(wire_house) as channel:
        ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/grpc.health.v1.Health/Check"
        )
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await ask(CUT_SHORT, timeout=10)
    assert raised.value.code() is INVALID


async def test_r4_holds_for_reflection_too(wire_house: House) -> None:
    async with connected(wire_house) as channel:
        ask: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
        )
        call = ask(iter([CUT_SHORT]), timeout=10)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call.read()
    assert raised.value.code() is INVALID


async def test_r3_recursion_over_100_is_refused(wire_house: House) -> None:
    nested = b""
    for _ in range(150):
        nested = b"\x0a" + _varint(len(nested)) + nested
    error = await refusal(wire_house, "GetProfiles", b"\x2a" + _varint(len(nested)) + nested)
    assert error.code() is INVALID


async def test_r3_repeated_entries_without_end_are_refused(wire_house: House) -> None:
    too_many = GetProfilesRequest(user_ids=[b""] * (MOST_ENTRIES + 1))
    error = await refusal(wire_house, "GetProfiles", too_many.SerializeToString())
    assert error.code() is INVALID
    assert "user_ids" in (error.details() or "")


async def test_r3_nested_repeated_entries_are_counted_together(wire_house: House) -> None:
    branch = Nested(children=[Nested() for _ in range(MOST_ENTRIES // 4)], labels={"a": "b"})
    bush = GetProfilesRequest(nested=Nested(children=[branch] * 5))
    error = await refusal(wire_house, "GetProfiles", bush.SerializeToString())
    assert error.code() is INVALID


async def test_r3_a_message_over_1_mib_is_refused(wire_house: House) -> None:
    error = await refusal(
        wire_house, "GetProfiles", b"\x32" + _varint(MOST_REQUEST_BYTES) + bytes(MOST_REQUEST_BYTES)
    )
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_r3_a_compressed_message_is_not_inflated(wire_house: House) -> None:
    bomb = b"\x32" + _varint(64 << 20) + bytes(64 << 20)
    error = await refusal(wire_house, "GetProfiles", bomb, compression=grpc.Compression.Gzip)
    assert error.code() in {grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert wire_house.echo.last_request is None


async def test_r3_metadata_over_8_kb_is_refused(wire_house: House) -> None:
    error = await refusal(wire_house, "DescribeCall", b"", ("x-filler", "x" * 9000))
    assert error.code() in {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE}


async def test_r3_an_answer_over_4_mib_says_so(wire_house: House) -> None:
    with entered(CallContext(actor=wire_house.actor())), pytest.raises(Internal) as raised:
        await wire_house.stub.GetProfiles(GetProfilesRequest(handle="huge"))
    assert raised.value.reason == "ANSWER_TOO_LARGE"


async def test_t1_two_tokens_are_none(wire_house: House) -> None:
    token = f"Bearer {wire_house.issuer.token()}"
    error = await refusal(wire_house, "DescribeCall", b"", ("authorization", token), ("authorization", token))
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_r2_a_token_of_another_scheme_is_refused(wire_house: House) -> None:
    error = await refusal(wire_house, "DescribeCall", b"", ("authorization", "Basic Zm9vOmJhcg=="))
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_health_and_reflection_answer_anybody(wire_house: House) -> None:
    async with connected(wire_house) as channel:
        for service in ("", "nova.api.echo.v1.EchoService"):
            answer = await HealthStub(channel).Check(HealthCheckRequest(service=service), timeout=10)
            assert answer.status == HealthCheckResponse.SERVING
        reflect: grpc.aio.StreamStreamMultiCallable[ServerReflectionRequest, ServerReflectionResponse]
        reflect = channel.stream_stream(
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
            request_serializer=ServerReflectionRequest.SerializeToString,
            response_deserializer=ServerReflectionResponse.FromString,
        )
        call = reflect(iter([ServerReflectionRequest(list_services="*")]), timeout=10)
        listed = await call.read()
    assert isinstance(listed, ServerReflectionResponse)
    names = {service.name for service in listed.list_services_response.service}
    assert {"nova.api.echo.v1.EchoService", "grpc.health.v1.Health"} <= names


async def test_an_unknown_service_has_no_health(wire_house: House) -> None:
    async with connected(wire_house) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await HealthStub(channel).Check(HealthCheckRequest(service="nobody"), timeout=10)
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND


async def always() -> bool:
    return True


@pytest.mark.parametrize("service", ["", LIVENESS])
async def test_health_follows_readiness_and_liveness(service: str) -> None:
    good = asyncio.Event()

    async def is_good() -> bool:
        return good.is_set()

    ready, live = (is_good, always) if service == "" else (always, is_good)
    server = WireServer("127.0.0.1:0", [], middlewares=[], ready=ready, live=live, drain_s=1)
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        stub = HealthStub(channel)

        async def status() -> int:
            number: int = (await stub.Check(HealthCheckRequest(service=service), timeout=10)).status
            return number

        assert await status() == HealthCheckResponse.NOT_SERVING
        good.set()

        async def serving() -> bool:
            return bool(await status() == HealthCheckResponse.SERVING)

        await until(serving)
    await server.stop()


async def test_a_busy_port_is_refused(wire_house: House) -> None:
    assert isinstance(wire_house.server, WireServer)
    second = WireServer(f"127.0.0.1:{wire_house.server.port}", [], middlewares=[])
    with pytest.raises(OSError, match="another program"):
        await second.start()


async def test_stopping_lets_calls_in_flight_end(wire_house: House) -> None:
    with entered(CallContext(actor=wire_house.actor())):
        call = asyncio.ensure_future(wire_house.stub.Wait(WaitRequest()))
    await wire_house.echo.waiting.wait()
    stopping = asyncio.create_task(wire_house.server.stop())
    wire_house.echo.release.set()
    await call
    await stopping


async def test_a_call_that_outlives_the_drain_is_cut() -> None:
    async with served("wire", Tracing(), drain_s=0.05) as house:
        with entered(CallContext(actor=house.actor())):
            call = asyncio.ensure_future(house.stub.Wait(WaitRequest()))
        await house.echo.waiting.wait()
        await house.server.stop()
        await house.echo.cancelled.wait()
        with pytest.raises(Unavailable):
            await call


@pytest.mark.parametrize(
    ("sent", "longest_s"), [("1000000", 1.0), ("-1", 4.0), ("soon", 4.0), ("9" * 30, 4.0)]
)
async def test_r5_the_exact_time_out_only_shortens(wire_house: House, sent: str, longest_s: float) -> None:
    async with connected(wire_house) as channel:
        ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"{ECHO}/DescribeCall")
        raw = await ask(b"", metadata=(("x-timeout-us", sent),), timeout=4)
    remaining_s = DescribeCallResponse.FromString(raw).remaining_s
    assert longest_s / 2 < remaining_s <= longest_s * 1.03


async def test_r5_time_out_on_the_wire_is_typed(wire_house: House) -> None:
    async with connected(wire_house) as channel:
        ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"{ECHO}/Wait")
        bearer = ("authorization", f"Bearer {wire_house.issuer.token()}")
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await ask(DescribeCallRequest().SerializeToString(), metadata=(bearer,), timeout=0.1)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
