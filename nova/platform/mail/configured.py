"""What the configuration asks for: the mailer, and the site that links lead to."""

from pathlib import Path
from typing import Final

from nova.platform.clock import Clock
from nova.platform.config import Config
from nova.platform.mail.folder import FolderMailer
from nova.platform.mail.port import Mailer
from nova.platform.mail.smtp import SmtpMailer

_FOLDER: Final = "mail"


def folder(config: Config) -> Path | None:
    """Return where mails are written, or None where an SMTP server sends them."""
    return config.server.data / _FOLDER if config.mail.smtp_url is None else None


def mailer(config: Config, *, clock: Clock) -> Mailer:
    """Return the one that sends by SMTP where a server is configured, else the one that writes files."""
    mail = config.mail
    if mail.smtp_url is None:
        return FolderMailer(config.server.data / _FOLDER, sender=mail.sender, clock=clock)
    return SmtpMailer(mail.smtp_url.reveal(), sender=mail.sender, clock=clock)


def site(config: Config) -> str:
    """Return what links begin with, without a slash at its end. No request has a say in it."""
    if config.mail.public_url is None:
        return f"http://{config.server.host}:{config.server.port}"
    return config.mail.public_url.reveal().rstrip("/")
