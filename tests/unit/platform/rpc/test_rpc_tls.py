"""R1: who is let in. A stranger to the authority does not even connect; a part of the platform calls what it may."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from nova.app.authority import Authority
from nova.platform.errors import Forbidden, Unavailable
from nova.platform.rpc.certificates import Certificates
from nova.platform.rpc.channel import WireChannel
from nova.platform.rpc.context import CallContext, entered
from nova.platform.rpc.peers import caller_of, host_of
from nova.platform.rpc.server import WireServer
from nova.platform.rpc.tls import CertificateFiles
from nova.platform.telemetry.tracing import Tracing
from tests.proto.echo_pb2 import DescribeCallRequest, GetProfilesRequest
from tests.proto.echo_pb2_grpc import EchoServiceStub
from tests.unit.platform.rpc.echo_house import House, served

ECHO = "/nova.api.echo.v1.EchoService"
CODE = grpc.StatusCode


def callers(method: str) -> frozenset[str]:
    """`DescribeCall` answers without a token, to `feed`; all else is the gateway's."""
    return frozenset({"feed"} if method == "DescribeCall" else {"gateway"})


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.of(tmp_path / "own")


@pytest.fixture
async def house(authority: Authority) -> AsyncIterator[House]:
    certificates = Certificates(authority.issue("echo"), "echo")
    async with served("wire", Tracing(), certificates=certificates, callers=callers) as house:
        yield house


def shown(files: CertificateFiles, *, without: bool = False) -> grpc.ChannelCredentials:
    """Return what a caller with these files shows; `without` trusts the same authority and shows nothing."""
    trusted = files.authority.read_bytes()
    if without:
        return grpc.ssl_channel_credentials(trusted)
    return grpc.ssl_channel_credentials(trusted, files.key.read_bytes(), files.certificate.read_bytes())


@asynccontextmanager
async def channel_to(
    house: House, credentials: grpc.ChannelCredentials | None
) -> AsyncIterator[grpc.aio.Channel]:
    """Yield a channel of the library's own; without credentials it speaks plain text."""
    assert isinstance(house.server, WireServer)
    target, named = f"127.0.0.1:{house.server.port}", [("grpc.ssl_target_name_override", host_of("echo"))]
    async with (
        grpc.aio.insecure_channel(target)
        if credentials is None
        else grpc.aio.secure_channel(target, credentials, options=named)
    ) as channel:
        yield channel


async def answer(
    house: House, credentials: grpc.ChannelCredentials | None, method: str, *metadata: tuple[str, str]
) -> grpc.StatusCode:
    """Return how a call with these credentials ends."""
    async with channel_to(house, credentials) as channel:
        ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"{ECHO}/{method}")
        try:
            await ask(b"", metadata=metadata, timeout=10)
        except grpc.aio.AioRpcError as error:
            return error.code()
    return CODE.OK


def bearer(house: House) -> tuple[str, str]:
    return "authorization", f"Bearer {house.issuer.token()}"


async def test_a_listed_caller_with_a_token_is_served(house: House, authority: Authority) -> None:
    gateway = shown(authority.issue("gateway"))
    assert await answer(house, gateway, "GetProfiles", bearer(house)) is CODE.OK


Stranger = Callable[[Authority, Path], grpc.ChannelCredentials | None]


def long_expired(authority: Authority, folder: Path) -> grpc.ChannelCredentials:
    return shown(authority.issue("gateway", now=datetime.now(UTC) - timedelta(days=2)))


def not_yet_good(authority: Authority, folder: Path) -> grpc.ChannelCredentials:
    return shown(authority.issue("gateway", now=datetime.now(UTC) + timedelta(days=2)))


def of_another_authority(authority: Authority, folder: Path) -> grpc.ChannelCredentials:
    """Trusts us, so that it is the server that refuses."""
    own, theirs = authority.issue("gateway"), Authority.of(folder / "strange").issue("gateway")
    return grpc.ssl_channel_credentials(
        own.authority.read_bytes(), theirs.key.read_bytes(), theirs.certificate.read_bytes()
    )


STRANGERS: dict[str, Stranger] = {
    "plain_text": lambda *_: None,
    "no_certificate": lambda authority, _: shown(authority.issue("gateway"), without=True),
    "expired": long_expired,
    "not_yet_good": not_yet_good,
    "strange_authority": of_another_authority,
}


@pytest.mark.parametrize("name", STRANGERS)
async def test_r1_a_stranger_is_not_let_in_whatever_its_token(
    house: House, authority: Authority, tmp_path: Path, name: str
) -> None:
    credentials = STRANGERS[name](authority, tmp_path)
    for method in ("GetProfiles", "DescribeCall"):
        assert await answer(house, credentials, method, bearer(house)) is CODE.UNAVAILABLE
    assert house.echo.last_request is None


@pytest.mark.parametrize("part", ["feed", "content", "supervisor", "gateway.evil", "GATEWAY", "gateway/feed"])
async def test_r1_the_wrong_part_is_refused_by_method(
    house: House, authority: Authority, tmp_path: Path, part: str
) -> None:
    (tmp_path / "own" / part).parent.mkdir(exist_ok=True)
    credentials = shown(authority.issue(part))
    assert await answer(house, credentials, "GetProfiles", bearer(house)) is CODE.PERMISSION_DENIED
    expected = CODE.OK if part == "feed" else CODE.PERMISSION_DENIED
    assert await answer(house, credentials, "DescribeCall") is expected
    assert house.echo.last_request is None


async def test_r1_metadata_do_not_say_who_calls(house: House, authority: Authority) -> None:
    claims = [
        ("caller", "gateway"),
        ("x-caller", "gateway"),
        ("peer_spiffe_id", "spiffe://nova/room/gateway"),
    ]
    credentials = shown(authority.issue("content"))
    assert await answer(house, credentials, "GetProfiles", bearer(house), *claims) is CODE.PERMISSION_DENIED


@pytest.mark.parametrize(
    "metadata",
    [(), (("authorization", "Bearer of.nothing.good"),), (("authorization", "Basic Zm9vOmJhcg=="),)],
    ids=["missing", "forged", "another_scheme"],
)
async def test_r2_a_certificate_is_no_token(
    house: House, authority: Authority, metadata: tuple[tuple[str, str], ...]
) -> None:
    credentials = shown(authority.issue("gateway"))
    assert await answer(house, credentials, "GetProfiles", *metadata) is CODE.UNAUTHENTICATED


async def asked(house: House, authority: Authority, *, room: str = "echo") -> None:
    """Call a house as the gateway does that takes it for `room`."""
    assert isinstance(house.server, WireServer)
    certificates = Certificates(authority.issue("gateway"), "gateway")
    target = f"127.0.0.1:{house.server.port}"
    async with WireChannel(target, room=room, tracing=Tracing(), certificates=certificates) as channel:
        with entered(CallContext(actor=house.actor())):
            await EchoServiceStub(channel).GetProfiles(GetProfilesRequest(), timeout=5)


async def test_r1_a_caller_does_not_talk_to_a_room_that_is_another(
    house: House, authority: Authority
) -> None:
    with pytest.raises(Unavailable):
        await asked(house, authority, room="identity")
    assert house.echo.last_request is None


async def test_r1_a_caller_does_not_talk_to_plain_text(authority: Authority) -> None:
    async with served("wire", Tracing()) as plain:
        with pytest.raises(Unavailable):
            await asked(plain, authority)
        assert plain.echo.last_request is None


Imposter = Callable[[Authority, Path], CertificateFiles]


def of_a_strange_authority(authority: Authority, folder: Path) -> CertificateFiles:
    """Trusts our authority, so that it is the caller who refuses."""
    trusted = authority.issue("gateway").authority
    return replace(Authority.of(folder / "strange").issue("echo"), authority=trusted)


def of_the_day_before(authority: Authority, folder: Path) -> CertificateFiles:
    return authority.issue("echo", now=datetime.now(UTC) - timedelta(days=2))


def of_tomorrow(authority: Authority, folder: Path) -> CertificateFiles:
    return authority.issue("echo", now=datetime.now(UTC) + timedelta(days=2))


IMPOSTERS: dict[str, Imposter] = {
    "strange_authority": of_a_strange_authority,
    "expired": of_the_day_before,
    "not_yet_good": of_tomorrow,
}


@pytest.mark.parametrize("name", IMPOSTERS)
async def test_r1_a_caller_does_not_talk_to_a_server_whose_certificate_is_no_good(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(
        "nova.platform.rpc.certificates._require_good", lambda *_: None
    )  # an imposter does not look
    imposter = Certificates(IMPOSTERS[name](authority, tmp_path), "echo")
    async with served("wire", Tracing(), certificates=imposter) as house:
        with pytest.raises(Unavailable):
            await asked(house, authority)
        assert house.echo.last_request is None


async def test_r1_an_address_is_no_name(house: House, authority: Authority) -> None:
    """Every part answers at the loopback: whoever took that for a name would take any part for any other."""
    assert isinstance(house.server, WireServer)
    credentials = shown(authority.issue("gateway"))
    for target in (f"127.0.0.1:{house.server.port}", f"localhost:{house.server.port}"):
        async with grpc.aio.secure_channel(target, credentials) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await HealthStub(channel).Check(HealthCheckRequest(), timeout=10)
        assert raised.value.code() is CODE.UNAVAILABLE


async def test_health_answers_every_part_and_no_stranger(house: House, authority: Authority) -> None:
    async with channel_to(house, shown(authority.issue("supervisor"))) as channel:
        found = await HealthStub(channel).Check(HealthCheckRequest(), timeout=10)
        assert found.status == HealthCheckResponse.SERVING
    async with channel_to(house, shown(authority.issue("gateway"), without=True)) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await HealthStub(channel).Check(HealthCheckRequest(), timeout=10)
    assert raised.value.code() is CODE.UNAVAILABLE


@pytest.mark.parametrize("caller", ["feed", "content", None])
async def test_r1_in_one_process_the_channel_says_who_calls(caller: str | None) -> None:
    async with served("local", Tracing(), callers=callers, caller=caller) as house:
        if caller == "feed":
            assert (await house.describe()).correlation_id
        else:
            with pytest.raises(Forbidden) as raised:
                await house.stub.DescribeCall(DescribeCallRequest())
            assert raised.value.reason == "CALLER_REFUSED"
        # Who may not call does not hear that his key has no form, either.
        with (
            entered(CallContext(actor=house.actor(), idempotency_key="x" * 129)),
            pytest.raises(Forbidden),
        ):
            await house.stub.GetProfiles(GetProfilesRequest())
        assert house.echo.last_request is None


@pytest.mark.parametrize(
    ("ids", "caller"),
    [
        ([b"spiffe://nova/room/feed"], "feed"),
        ([b"spiffe://nova/room/feed", b"spiffe://nova/room/gateway"], None),
        ([b"spiffe://elsewhere/room/feed"], None),
        ([b"spiffe://nova/room/"], None),
        ([b"spiffe://nova/room/feed/x"], None),
        ([b"\xff\xfe"], None),
        ([], None),
    ],
)
def test_r1_a_caller_has_one_name_of_ours(ids: list[bytes], caller: str | None) -> None:
    assert caller_of({"peer_spiffe_id": ids}) == caller
    assert caller_of({"x509_common_name": [b"gateway"]}) is None
