"""What the configuration asks for: the mailer, and the site that links lead to."""

from nova.platform.clock import Clock
from nova.platform.config import Config
from nova.platform.mail.folder import FolderMailer
from nova.platform.mail.port import Mailer
from nova.platform.mail.smtp import SmtpMailer

FOLDER = "mail"
"""Below the data folder, where no SMTP server is configured."""


def mailer(config: Config, *, clock: Clock) -> Mailer:
    """Return the one that sends by SMTP where a server is configured, else the one that writes files."""
    mail = config.mail
    if mail.smtp_url is None:
        return FolderMailer(config.server.data / FOLDER, sender=mail.sender, clock=clock)
    return SmtpMailer(mail.smtp_url.reveal(), sender=mail.sender, clock=clock)


def site(config: Config) -> str:
    """Return what links begin with, without a slash at its end. No request has a say in it."""
    if config.mail.public_url is None:
        return f"http://{config.server.host}:{config.server.port}"
    return config.mail.public_url.reveal().rstrip("/")
