"""Certificates are renewed without a restart, and what is not whole, good and one's own is never shown."""

import asyncio
import errno
import os
import shutil
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from structlog.testing import capture_logs

from nova.app.authority import Authority, files_of
from nova.platform.rpc.certificates import BadCertificate, Certificates
from nova.platform.rpc.channel import WireChannel
from nova.platform.rpc.context import CallContext, entered
from nova.platform.rpc.peers import host_of
from nova.platform.rpc.server import WireServer
from nova.platform.rpc.tls import CertificateFiles
from nova.platform.telemetry.tracing import Tracing
from tests.listening import listening
from tests.proto.echo_pb2 import DescribeCallRequest, WaitRequest
from tests.proto.echo_pb2_grpc import EchoServiceStub
from tests.unit.platform.rpc.echo_house import House, served


class Ticks:
    """A clock that goes on when it is told to, so that files are looked at then."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def tick(self) -> None:
        self.now += 2.0


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.of(tmp_path / "own")


@asynccontextmanager
async def house_of(files: CertificateFiles, ticks: Ticks) -> AsyncIterator[House]:
    """Yield a house in which the room calls itself: one certificate is shown at both ends."""
    certificates = Certificates(files, "echo", monotonic=ticks)
    async with served("wire", Tracing(), certificates=certificates) as house:
        yield house


def serial_in(files: CertificateFiles) -> int:
    return x509.load_pem_x509_certificate(files.certificate.read_bytes()).serial_number


async def serial_shown(house: House, files: CertificateFiles) -> int:
    """Return the serial number of the certificate that the server shows to somebody new."""
    assert isinstance(house.server, WireServer)
    context = ssl.create_default_context(cafile=str(files.authority))
    context.load_cert_chain(files.certificate, files.key)
    context.set_alpn_protocols(["h2"])
    _, writer = await asyncio.open_connection(
        "127.0.0.1", house.server.port, ssl=context, server_hostname=host_of("echo")
    )
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return x509.load_der_x509_certificate(der).serial_number


async def test_a_renewal_is_shown_at_the_next_handshake(authority: Authority, ticks: Ticks) -> None:
    first = serial_in(files := authority.issue("echo"))
    async with house_of(files, ticks) as house:
        await house.describe()
        assert await serial_shown(house, files) == first
        second = serial_in(authority.issue("echo"))
        assert second != first
        ticks.tick()
        assert await serial_shown(house, files) == second
        await house.describe()


async def test_a_renewal_cuts_no_call_in_flight(authority: Authority, ticks: Ticks) -> None:
    async with house_of(authority.issue("echo"), ticks) as house:
        with entered(CallContext(actor=house.actor())):
            call = asyncio.ensure_future(house.stub.Wait(WaitRequest()))
        await house.echo.waiting.wait()
        authority.issue("echo")
        ticks.tick()
        await house.describe()
        assert not call.done()
        house.echo.release.set()
        await call


async def test_half_a_renewal_is_not_taken_until_it_is_whole(
    authority: Authority, tmp_path: Path, ticks: Ticks
) -> None:
    files = authority.issue("echo")
    first = serial_in(files)
    next_files = Authority.of(tmp_path / "own").issue("next")
    held = Certificates(files, "echo", monotonic=ticks)
    before = held.held
    shutil.copy(next_files.key, files.key)
    ticks.tick()
    with capture_logs() as logs:
        assert held.held is before
        ticks.tick()
        assert held.held is before
    assert [line["event"] for line in logs] == ["certificate_not_renewed"], "it is said once"
    authority.issue("echo")
    assert held.held is before, "files are looked at once a second"
    ticks.tick()
    assert held.held is not before
    assert serial_in(files) != first


async def test_a_renewal_is_taken_though_its_first_look_failed(
    authority: Authority, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a process has no file descriptor left at that moment: the files do not change again."""
    held = Certificates(authority.issue("echo"), "echo", monotonic=ticks)
    before = held.held
    authority.issue("echo")
    ticks.tick()
    with monkeypatch.context() as full:
        full.setattr(Path, "open", no_descriptor_left)
        assert held.held is before
    ticks.tick()
    assert held.held is not before


def no_descriptor_left(*_: object) -> None:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


async def test_c3_what_cannot_be_used_replaces_nothing_that_is_held(
    authority: Authority, ticks: Ticks
) -> None:
    for breaking, _ in BROKEN.values():
        held = Certificates(files := authority.issue("echo"), "echo", monotonic=ticks)
        before = held.held
        breaking(files, authority)
        ticks.tick()
        assert held.held is before
        shutil.rmtree(files.key.parent)


async def test_files_that_are_gone_end_nothing(authority: Authority, ticks: Ticks) -> None:
    files = authority.issue("echo")
    async with house_of(files, ticks) as house:
        kept = files.certificate.read_bytes()
        files.certificate.unlink()
        ticks.tick()
        await house.describe()
        files.certificate.write_bytes(kept)
        ticks.tick()
        await house.describe()


def garbled(files: CertificateFiles) -> None:
    files.certificate.write_text("-----BEGIN CERTIFICATE-----\nnot one\n-----END CERTIFICATE-----\n")


def named_twice(files: CertificateFiles) -> None:
    """Sign a certificate whose names stand in it twice: it is one, and cannot be read as one."""
    key = load_pem_private_key(files.key.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    whole = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    builder = x509.CertificateBuilder(
        issuer_name=whole.subject,
        subject_name=whole.subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=whole.not_valid_before_utc,
        not_valid_after=whole.not_valid_after_utc,
        extensions=[*whole.extensions, *whole.extensions],
    )
    files.certificate.write_bytes(builder.sign(key, SHA256()).public_bytes(Encoding.PEM))


BROKEN: dict[str, tuple[Callable[[CertificateFiles, Authority], object], str]] = {
    "missing": (lambda files, _: files.key.unlink(), "No such file"),
    "garbled": (lambda files, _: garbled(files), "must be PEM"),
    "nobody_trusted": (lambda files, _: files.authority.write_text(""), "must be PEM"),
    "open_to_all": (lambda files, _: files.key.chmod(0o644), "chmod 600"),
    "another_key": (
        lambda files, authority: shutil.copy(authority.issue("feed").key, files.key), "is not the key of"
    ),
    "expired": (
        lambda _, authority: authority.issue("echo", now=datetime.now(UTC) - timedelta(days=2)), "expired at"
    ),
    "not_yet_good": (
        lambda _, authority: authority.issue("echo", now=datetime.now(UTC) + timedelta(hours=1)), "is good from"
    ),
    "a_name_twice": (lambda files, _: named_twice(files), "must be PEM"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_c3_a_process_does_not_start_with_what_cannot_be_used(authority: Authority, name: str) -> None:
    files = authority.issue("echo")
    breaking, told = BROKEN[name]
    breaking(files, authority)
    with pytest.raises(BadCertificate, match=told):
        Certificates(files, "echo")


def test_r1_a_process_does_not_start_with_the_certificate_of_another(authority: Authority) -> None:
    with pytest.raises(BadCertificate, match="is not feed's"):
        Certificates(authority.issue("echo"), "feed")


def test_c4_keys_are_closed_to_others_and_folders_too(authority: Authority, tmp_path: Path) -> None:
    files = authority.issue("echo")
    assert files == files_of(tmp_path / "own", "echo")
    for file in (files.key, tmp_path / "own" / "ca.key"):
        assert file.stat().st_mode & 0o777 == 0o600
    for folder in (files.key.parent, tmp_path / "own"):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert "PRIVATE KEY" not in repr(Certificates(files, "echo").held)


@asynccontextmanager
async def slow_way_to(house: House, delay_s: float) -> AsyncIterator[int]:
    """Yield a port that leads to a server, with a delay for whatever passes."""
    assert isinstance(house.server, WireServer)
    behind = house.server.port
    passing: set[asyncio.Task[None]] = set()

    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                await asyncio.sleep(delay_s)
                writer.write(data)
        writer.close()

    async def joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", behind)
        for ends in ((reader, far_writer), (far_reader, writer)):
            passing.add(asyncio.create_task(passed(*ends)))

    try:
        async with listening(joined) as port:
            yield port
    finally:
        await asyncio.gather(*passing)


async def test_a_handshake_may_take_its_time_also_where_another_address_is_dead(
    authority: Authority, ticks: Ticks
) -> None:
    async with house_of(authority.issue("echo"), ticks) as house, slow_way_to(house, delay_s=0.05) as port:
        certificates = Certificates(authority.issue("echo"), "echo", monotonic=ticks)
        channel = WireChannel(
            f"ipv4:127.0.0.1:{port},127.0.0.1:1", room="echo", tracing=Tracing(), certificates=certificates
        )
        described = await EchoServiceStub(channel).DescribeCall(DescribeCallRequest(), timeout=4)
        assert described.correlation_id
        await channel.close()
