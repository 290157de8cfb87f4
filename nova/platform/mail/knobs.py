"""What the configuration says of mail."""

from dataclasses import dataclass
from typing import Annotated, Self
from urllib.parse import urlsplit

from nova.platform.knobs import Knob, Url
from nova.platform.mail.address import is_mailbox


class SmtpUrl(Url):
    """Where mail is handed over."""

    __slots__ = ()
    schemes = ("smtp", "smtps")

    def __init__(self, text: str) -> None:
        """Raise ValueError for what names no server."""
        super().__init__(text)
        if not urlsplit(text).hostname:
            raise ValueError("name the server: smtp://user:password@host:587.")


class SiteUrl(Url):
    """Where people reach the site; a path may belong to it."""

    __slots__ = ()
    schemes = ("https", "http")

    def __init__(self, text: str) -> None:
        """Raise ValueError for what a link cannot begin with."""
        super().__init__(text)
        parts = urlsplit(text)
        if not parts.hostname or parts.query or parts.fragment or parts.username is not None:
            raise ValueError("give scheme and host, such as https://nova.example.")


class Mailbox(str):
    """An e-mail address."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Raise ValueError for what is none."""
        if not is_mailbox(text):
            raise ValueError("give an address such as no-reply@nova.example.")
        return super().__new__(cls, text)


NOBODY = Mailbox("no-reply@nova.invalid")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailKnobs:
    """The mail that Nova sends."""

    smtp_url: Annotated[
        SmtpUrl | None,
        Knob(
            "NOVA_SMTP_URL",
            "The server that sends mail, smtp:// (STARTTLS) or smtps://; unset writes files to DATA/mail.",
            parts=frozenset({"identity"}),
        ),
    ] = None
    sender: Annotated[Mailbox, Knob("NOVA_MAIL_FROM", "The address that mail comes from.")] = NOBODY
    public_url: Annotated[
        SiteUrl | None,
        Knob(
            "NOVA_PUBLIC_URL",
            "Where people reach Nova: links in mails begin with it; unset: http://NOVA_HOST:NOVA_PORT.",
            parts=frozenset({"identity"}),
        ),
    ] = None
