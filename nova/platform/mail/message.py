"""A mail in the form in which it travels (RFC 5322)."""

from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP

from nova.platform.mail.port import Mail


def composed(mail: Mail, *, sender: str, at: datetime) -> EmailMessage:
    """Return the message of a mail from `sender`. No reply is asked of machines (RFC 3834, section 5)."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Date"] = at
    message["Message-ID"] = f"<{mail.mail_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message
