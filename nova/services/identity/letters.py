"""What the mails of this room say."""

from collections.abc import Callable, Mapping
from typing import Final

from nova.platform.mail.port import Mail
from nova.services.identity.model import DueMail, MailKind

Words = Callable[[str, str], tuple[str, str]]
"""Subject and text, from a handle and the link of the mail."""


def written(due: DueMail, *, site: str, token: str) -> Mail:
    """Return a mail as it is sent. Its link holds the token in the fragment, which browsers send to no server."""
    page = _PAGES.get(due.mail.kind)
    link = "" if page is None else f"{site}/{page}#{token}"
    subject, text = _WORDS[due.mail.kind](due.handle, link)
    return Mail(mail_id=due.mail.mail_id, to=due.mail.email, subject=subject, text=text)


def _verify_email(handle: str, link: str) -> tuple[str, str]:
    return "Confirm your e-mail address", (
        f"Hello {handle},\n\n"
        f"this address was given for the account {handle}. To confirm that it is yours, open\n\n"
        f"{link}\n\n"
        "within 24 hours. If you did not sign up, there is nothing to do.\n"
    )


def _reset_password(handle: str, link: str) -> tuple[str, str]:
    return "Set a new password", (
        f"Hello {handle},\n\n"
        "somebody, perhaps you, asked for a new password. To choose one, open\n\n"
        f"{link}\n\n"
        "within 30 minutes. The link works once, and signs you out everywhere. If it was not you who asked, there is\n"
        "nothing to do: your password stays as it is.\n"
    )


def _password_changed(handle: str, _link: str) -> tuple[str, str]:
    return "Your password was changed", (
        f"Hello {handle},\n\n"
        "the password of your account was changed, and all other devices were signed out. If it was not you who\n"
        "changed it, ask for a new password at once.\n"
    )


_PAGES: Final[Mapping[MailKind, str]] = {
    MailKind.VERIFY_EMAIL: "verify-email",
    MailKind.RESET_PASSWORD: "reset-password",
}
_WORDS: Final[Mapping[MailKind, Words]] = {
    MailKind.VERIFY_EMAIL: _verify_email,
    MailKind.RESET_PASSWORD: _reset_password,
    MailKind.PASSWORD_CHANGED: _password_changed,
}
