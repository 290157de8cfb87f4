"""Mail by SMTP submission (RFC 6409), a connection a mail: mails of accounts are few.

`smtps://` speaks TLS from the first byte (RFC 8314). `smtp://` goes over to it by STARTTLS and sends nothing to a
server that does not offer it, unless that server is on this very machine.
"""

import ssl
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

import aiosmtplib

from nova.platform.clock import Clock
from nova.platform.errors import Timeout, Unavailable
from nova.platform.mail.message import composed
from nova.platform.mail.port import Mail, MailRefused, MailUnavailable
from nova.platform.resilience import CallPolicy

TIMEOUT_S: Final = 30.0
"""How long a mail may take, connection and all."""
_AT_ONCE: Final = 10
_PORTS: Final = {"smtp": 587, "smtps": 465}
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_PERMANENT: Final = range(500, 600)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """Where mail is handed over. `start_tls`: True where it must, None where it may."""

    host: str
    port: int
    user: str | None
    password: str | None = field(repr=False)
    use_tls: bool
    start_tls: bool | None

    @classmethod
    def of(cls, url: str) -> "SmtpServer":
        """Return the server of `smtp[s]://user:password@host:port`."""
        parts = urlsplit(url)
        host, implicit = parts.hostname or "", parts.scheme == "smtps"
        return cls(
            host=host,
            port=parts.port or _PORTS[parts.scheme],
            user=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
            use_tls=implicit,
            start_tls=False if implicit else None if host in _LOOPBACK else True,
        )


class SmtpMailer:
    """Implements `Mailer`. `tls` says whom to trust; without it, whom this machine trusts."""

    def __init__(self, url: str, *, sender: str, clock: Clock, tls: ssl.SSLContext | None = None) -> None:
        self._server = SmtpServer.of(url)
        self._sender = sender
        self._clock = clock
        self._tls = tls or ssl.create_default_context()
        self._sends = CallPolicy("mail", clock=clock, timeout_s=TIMEOUT_S, max_concurrent=_AT_ONCE)

    async def send(self, mail: Mail) -> None:
        """Hand the mail to the server."""
        try:
            await self._sends.call(lambda: self._hand_over(mail))
        except MailUnavailable:
            raise
        except (Unavailable, Timeout) as error:
            raise MailUnavailable(f"The mail server is left alone, or late ({error.reason}).") from error

    async def _hand_over(self, mail: Mail) -> None:
        server = self._server
        try:
            await aiosmtplib.send(
                composed(mail, sender=self._sender, at=self._clock.now()),
                sender=self._sender,
                recipients=[mail.to],
                hostname=server.host,
                port=server.port,
                username=server.user,
                password=server.password,
                use_tls=server.use_tls,
                start_tls=server.start_tls,
                tls_context=self._tls,
                # Else the library asks the resolver for this machine's name, and everything waits.
                local_hostname=self._sender.rpartition("@")[2],
                timeout=TIMEOUT_S,
            )
        except (aiosmtplib.SMTPException, OSError) as error:
            raise _told(error) from error


def _told(error: Exception) -> MailRefused | MailUnavailable:
    """Return what an error of the library means. What it says itself may hold addresses, and is not told."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        codes = [refusal.code for refusal in error.recipients]
        if all(code in _PERMANENT for code in codes):
            return MailRefused(f"The mail server refuses the recipient ({codes[0]}).")
    if isinstance(error, aiosmtplib.SMTPDataError) and error.code in _PERMANENT:
        return MailRefused(f"The mail server refuses the text ({error.code}).")
    unavailable = MailUnavailable(f"The mail server did not take the mail ({type(error).__name__}).")
    unavailable.told = not isinstance(error, OSError)
    return unavailable
