"""One contract for both ways of sending mail: a folder, and a real SMTP server on the loopback."""

import asyncio
import email
import email.policy
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nova.platform.clock import FixedClock
from nova.platform.errors import InvalidArgument
from nova.platform.ids import uuid7
from nova.platform.mail import smtp
from nova.platform.mail.folder import FolderMailer
from nova.platform.mail.port import Mail, Mailer, MailRefused, MailUnavailable
from nova.platform.mail.smtp import SmtpMailer, SmtpServer

# The server does not see that with smtps:// all is TLS already.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")

SENDER = "no-reply@nova.example"
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
USER, PASSWORD = "nova", "p@ss/word"


@dataclass
class Letterbox:
    """What a server took, and what it answers to the next mail instead."""

    taken: list[bytes] = field(default_factory=list)
    refusal: str | None = None

    async def handle_DATA(self, server: SMTP, session: object, envelope: Envelope) -> str:
        if self.refusal is not None:
            return self.refusal
        assert envelope.mail_from == SENDER
        assert isinstance(envelope.content, bytes)
        self.taken.append(envelope.content)
        return "250 taken"

    async def handle_RCPT(
        self, server: SMTP, session: object, envelope: Envelope, address: str, options: object
    ) -> str:
        if address.startswith("unknown@"):
            return "550 no such user"
        if address.startswith("full@"):
            return "452 mailbox full"
        envelope.rcpt_tos.append(address)
        return "250 good"


@dataclass(frozen=True)
class Office:
    """A mailer, and a way to see what became of its mail."""

    mailer: Mailer
    read: Callable[[], Sequence[bytes]]

    def messages(self) -> list[EmailMessage]:
        return [email.message_from_bytes(raw, policy=email.policy.default) for raw in self.read()]


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the contexts of a server called localhost and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cafile=file)


def authenticator(_server: SMTP, _session: object, _envelope: object, _how: str, data: Any) -> AuthResult:
    assert isinstance(data, LoginPassword)
    good = data == LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False)


@asynccontextmanager
async def serving(
    box: Letterbox, *, implicit: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[int]:
    """Run a real SMTP server on the loopback; yield its port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(box, hostname="localhost", loop=loop, **options), "127.0.0.1", 0, ssl=implicit
    )
    async with server:
        yield server.sockets[0].getsockname()[1]


def a_folder(tmp_path: Path) -> Office:
    folder = tmp_path / "mail"
    return Office(
        FolderMailer(folder, sender=SENDER, clock=FixedClock(AT)),
        lambda: [file.read_bytes() for file in sorted(folder.iterdir())],
    )


def a_client(box: Letterbox, url: str, tls: ssl.SSLContext | None = None) -> Office:
    return Office(SmtpMailer(url, sender=SENDER, clock=FixedClock(AT), tls=tls), lambda: box.taken)


@pytest.fixture(params=["folder", "smtp", "starttls", "smtps"])
async def office(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Office]:
    """Each way of sending mail."""
    box = Letterbox()
    server_tls, client_tls = certificate(tmp_path)
    log_in: dict[str, Any] = {"authenticator": authenticator, "auth_required": True}
    account = f"{USER}:{quote(PASSWORD, safe='')}@localhost"
    if request.param == "folder":
        yield a_folder(tmp_path)
    elif request.param == "smtp":
        async with serving(box) as port:
            yield a_client(box, f"smtp://localhost:{port}")
    elif request.param == "starttls":
        async with serving(box, tls_context=server_tls, require_starttls=True, **log_in) as port:
            yield a_client(box, f"smtp://{account}:{port}", client_tls)
    else:
        async with serving(box, implicit=server_tls, auth_require_tls=False, **log_in) as port:
            yield a_client(box, f"smtps://{account}:{port}", client_tls)


def mail(
    to: str = "ada@example.org", subject: str = "Good news", text: str = "Hello Ada,\n\n.\nbye\n"
) -> Mail:
    return Mail(mail_id=uuid7(), to=to, subject=subject, text=text)


async def test_a_mail_arrives_as_it_was_written(office: Office) -> None:
    sent = mail(text="Grüße,\n\n.\na line that begins and ends with a dot.\n")
    await office.mailer.send(sent)
    (message,) = office.messages()
    assert (message["From"], message["To"], message["Subject"]) == (SENDER, sent.to, sent.subject)
    assert message["Date"].datetime == AT
    assert message["Message-ID"] == f"<{sent.mail_id}@nova.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().replace("\r\n", "\n") == sent.text


async def test_one_mail_sent_twice_is_one_to_its_reader(office: Office) -> None:
    sent = mail()
    await office.mailer.send(sent)
    await office.mailer.send(sent)
    assert {message["Message-ID"] for message in office.messages()} == {f"<{sent.mail_id}@nova.example>"}


async def test_mails_keep_their_order_and_do_not_mix(office: Office) -> None:
    for number in range(3):
        await office.mailer.send(mail(to=f"u{number}@example.org", subject=f"No. {number}"))
    assert [(m["To"], m["Subject"]) for m in office.messages()] == [
        (f"u{number}@example.org", f"No. {number}") for number in range(3)
    ]


@pytest.mark.parametrize(
    "to",
    [
        "", "ada", "ada@example", "a b@example.org", "ada@example.org, eve@example.org",
        "ada@example.org\nBcc: eve@example.org", "ada@example.org\r\n", "<ada@example.org>", "ädä@example.org",
        f"{'a' * 250}@example.org", "ada@example.org\0",
    ],
)  # fmt: skip
def test_n1_an_address_that_is_none_reaches_no_mail_library(to: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        mail(to=to)
    assert caught.value.field == "to"


@pytest.mark.parametrize("subject", ["one\ntwo", "one\r\nBcc: eve@example.org", "nul\0"])
def test_n1_a_subject_is_one_line(subject: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        mail(subject=subject)
    assert caught.value.field == "subject"


def test_c4_a_mail_does_not_show_its_text() -> None:
    assert "Hello" not in repr(mail())


async def test_files_are_their_owner_s_alone(tmp_path: Path) -> None:
    await a_folder(tmp_path).mailer.send(mail())
    (file,) = (tmp_path / "mail").iterdir()
    assert file.suffix == ".eml"
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


async def test_a_folder_that_cannot_be_written_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file in the way")
    with pytest.raises(MailUnavailable):
        await a_folder(tmp_path).mailer.send(mail())


@pytest.mark.parametrize(
    ("to", "refusal", "expected"),
    [
        ("unknown@example.org", None, MailRefused),
        ("full@example.org", None, MailUnavailable),
        ("ada@example.org", "554 this is spam", MailRefused),
        ("ada@example.org", "451 try later", MailUnavailable),
    ],
)
async def test_what_the_server_never_takes_is_told_from_what_it_takes_later(
    to: str, refusal: str | None, expected: type[Exception]
) -> None:
    box = Letterbox(refusal=refusal)
    async with serving(box) as port:
        with pytest.raises(expected) as caught:
            await a_client(box, f"smtp://localhost:{port}").mailer.send(mail(to=to))
    assert to not in str(caught.value)
    assert box.taken == []


async def test_fault_a_server_that_never_answers_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "TIMEOUT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mailer = a_client(Letterbox(), f"smtp://127.0.0.1:{silent.getsockname()[1]}").mailer
        outcomes = await asyncio.gather(*(mailer.send(mail()) for _ in range(10)), return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {MailUnavailable}
        with pytest.raises(MailUnavailable, match="CIRCUIT_OPEN"):
            await mailer.send(mail())


async def test_a_server_that_puts_mail_off_is_asked_on() -> None:
    box = Letterbox(refusal="451 try later")
    async with serving(box) as port:
        mailer = a_client(box, f"smtp://localhost:{port}").mailer
        for to in ("ada@example.org", "full@example.org") * 10:
            with pytest.raises(MailUnavailable):
                await mailer.send(mail(to=to))
        box.refusal = None
        await mailer.send(mail())
    assert len(box.taken) == 1


async def test_a_server_that_is_away_or_of_another_name_or_wants_another_password_is_tried_later(
    tmp_path: Path,
) -> None:
    box = Letterbox()
    server_tls, client_tls = certificate(tmp_path)
    async with serving(box, implicit=server_tls, auth_require_tls=False, authenticator=authenticator) as port:
        for url, tls in (
            (f"smtps://nova:wrong@localhost:{port}", client_tls),
            (f"smtps://localhost:{port}", ssl.create_default_context()),
            (f"smtps://127.0.0.1:{port}", client_tls),
        ):
            with pytest.raises(MailUnavailable) as caught:
                await a_client(box, url, tls).mailer.send(mail())
            assert "wrong" not in str(caught.value)
    with pytest.raises(MailUnavailable):
        await a_client(box, f"smtp://localhost:{port}").mailer.send(mail())
    assert box.taken == []


@pytest.mark.parametrize(
    ("url", "port", "use_tls", "start_tls"),
    [
        ("smtps://mail.example.org", 465, True, False),
        ("smtp://mail.example.org", 587, False, True),
        ("smtp://mail.example.org:25", 25, False, True),
        ("smtp://127.0.0.1:1025", 1025, False, None),
    ],
)
def test_nothing_leaves_this_machine_in_clear(
    url: str, port: int, use_tls: bool, start_tls: bool | None
) -> None:
    server = SmtpServer.of(url)
    assert (server.port, server.use_tls, server.start_tls) == (port, use_tls, start_tls)
