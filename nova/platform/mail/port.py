"""Mail as rooms send it: one plain text to one address."""

from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from nova.platform.errors import FailedPrecondition, InvalidArgument, Unavailable
from nova.platform.mail.address import is_mailbox


class MailRefused(FailedPrecondition):
    """The mail server will not take this mail, however often it is tried."""


class MailUnavailable(Unavailable):
    """The mail cannot be sent at the moment: try again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail. Sent twice under one `mail_id`, it is the same mail to those who receive it (its Message-ID).

    Raises `InvalidArgument` for an address that is none, and for a subject of more than one line.
    """

    mail_id: UUID
    to: str
    subject: str
    text: str = field(repr=False)

    def __post_init__(self) -> None:
        if not is_mailbox(self.to):
            raise InvalidArgument("to: not an e-mail address.", field="to")
        if not self.subject.isprintable():
            raise InvalidArgument("subject: one line of text.", field="subject")


class Mailer(Protocol):
    """Sends mail."""

    async def send(self, mail: Mail) -> None:
        """Hand a mail over. Raises `MailRefused` or `MailUnavailable`; no error shows addresses or texts."""
        ...
