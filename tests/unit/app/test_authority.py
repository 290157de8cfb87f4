"""The authority of a folder: a new one takes over without a lost call, and what a kill leaves of it is of use."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from nova.app.authority import Authority, AuthorityUnusable, files_of, issue_all
from nova.app.engines.passwords import replace_privately
from nova.platform.rpc.certificates import LOOK_EVERY_S, Certificates
from nova.platform.rpc.channel import WireChannel
from nova.platform.rpc.server import WireServer
from nova.platform.telemetry.tracing import Tracing
from tests.proto.echo_pb2 import DescribeCallRequest
from tests.proto.echo_pb2_grpc import EchoServiceStub
from tests.unit.platform.rpc.echo_house import served

PARTS = ("echo", "gateway")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "certificates"


def grown_old(folder: Path) -> None:
    """Leave an authority that has little time left, and a good certificate of it for each part."""
    authority = Authority.of(folder, now=datetime.now(UTC) - timedelta(days=350))
    for part in PARTS:
        authority.issue(part)


def shown_by(folder: Path, part: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(files_of(folder, part).certificate.read_bytes())


def trusted_by(folder: Path, part: str) -> Sequence[x509.Certificate]:
    return x509.load_pem_x509_certificates(files_of(folder, part).authority.read_bytes())


class Holder:
    """The certificate of a part as its process holds it. It looks at the files when it is told to."""

    def __init__(self, folder: Path, part: str) -> None:
        self._now = 0.0
        self.certificates = Certificates(files_of(folder, part), part, monotonic=lambda: self._now)

    def look(self) -> None:
        before = self.certificates.held
        self._now += LOOK_EVERY_S
        assert self.certificates.held is not before


@dataclass(frozen=True)
class Line:
    """A part that calls another, each with the certificate that it holds by now."""

    server: Holder
    client: Holder
    target: str

    async def is_called(self) -> None:
        """Call over a connection of its own."""
        async with WireChannel(
            self.target, room="echo", tracing=Tracing(), certificates=self.client.certificates
        ) as channel:
            await EchoServiceStub(channel).DescribeCall(DescribeCallRequest(), timeout=5)


@asynccontextmanager
async def line(folder: Path) -> AsyncIterator[Line]:
    server, client = Holder(folder, "echo"), Holder(folder, "gateway")
    async with served("wire", Tracing(), certificates=server.certificates) as house:
        assert isinstance(house.server, WireServer)
        yield Line(server, client, f"127.0.0.1:{house.server.port}")


@pytest.mark.parametrize("first", ["server", "client"])
async def test_a_new_authority_takes_over_whoever_looks_first(folder: Path, first: str) -> None:
    grown_old(folder)
    old = shown_by(folder, "echo").issuer
    loop = asyncio.get_running_loop()
    async with line(folder) as called:
        holders = [called.server, called.client] if first == "server" else [called.client, called.server]

        async def all_look() -> None:
            for holder in holders:
                holder.look()
                await called.is_called()

        def pause(wait_s: float) -> None:
            assert wait_s > LOOK_EVERY_S
            asyncio.run_coroutine_threadsafe(all_look(), loop).result()

        await called.is_called()
        await asyncio.to_thread(issue_all, folder, parts=PARTS, pause=pause)
        await all_look()
    new = {shown_by(folder, part).issuer for part in PARTS}
    assert len(new) == 1
    assert old not in new


def test_nobody_waits_where_nobody_trusted_another(folder: Path) -> None:
    pauses: list[float] = []
    for _ in range(2):
        issue_all(folder, parts=PARTS, pause=pauses.append)
    assert pauses == []


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("begun", ["anew", "renewed"])
def test_c2_what_a_kill_leaves_is_of_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: str) -> None:
    """Killed after each of its writes: the next call goes on from there, and what parts hold meanwhile is good."""
    for left in count():
        folder, writes, is_whole = tmp_path / str(left), count(), False
        if begun == "renewed":
            grown_old(folder)

        def killed(file: Path, text: str, *, left: int = left, writes: "count[int]" = writes) -> None:
            if next(writes) == left:
                raise Killed
            replace_privately(file, text)

        with monkeypatch.context() as patched, suppress(Killed):
            patched.setattr("nova.app.authority.replace_privately", killed)
            issue_all(folder, parts=PARTS, pause=lambda _: None)
            is_whole = True
        issue_all(folder, parts=PARTS, pause=lambda _: None)
        for part in PARTS:
            Certificates(files_of(folder, part), part)
            shown = shown_by(folder, part)
            for other in PARTS:
                assert any(is_signed_by(shown, one) for one in trusted_by(folder, other)), (left, part, other)
        if is_whole:
            assert left == 2 + 3 * len(PARTS)
            return


def is_signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, InvalidSignature):
        return False
    return True


def test_c4_an_authority_whose_key_all_can_read_issues_nothing(folder: Path) -> None:
    Authority.of(folder)
    (folder / "ca.key").chmod(0o644)
    with pytest.raises(AuthorityUnusable, match="chmod 600"):
        Authority.of(folder)
