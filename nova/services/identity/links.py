"""The tokens of links in mails.

A token is the id of its mail and an HMAC-SHA-256 over all that the mail is for. So it is bound to its purpose, its
account, its address and its end; it is derived again when the mail is sent and when it comes back, and kept nowhere.
Its 256 bits leave nothing to guess.
"""

import base64
import hmac
from collections.abc import Sequence
from uuid import UUID

from nova.services.identity.model import MailId, QueuedMail
from nova.services.identity.tokens import framed

_ID_BYTES = 16
_TOKEN_BYTES = _ID_BYTES + 32
_TOKEN_CHARS = 64


class LinkTokens:
    """Makes and reads the tokens of links. `secrets` are of 32 bytes and serve nothing else: the first one makes."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._secrets = secrets

    def token_of(self, mail: QueuedMail) -> str:
        """Return the token of a mail: 64 characters that may stand in a URL."""
        return _token(self._secrets[0], mail)

    def fits(self, token: str, mail: QueuedMail) -> bool:
        """Return whether it is the token of this very mail."""
        return any(
            hmac.compare_digest(token.encode(), _token(secret, mail).encode()) for secret in self._secrets
        )

    @staticmethod
    def mail_id_of(token: str) -> MailId | None:
        """Return the mail that a token names, or None for what cannot be a token."""
        if len(token) != _TOKEN_CHARS or not token.isascii():
            return None
        try:
            raw = base64.b64decode(token, altchars=b"-_", validate=True)
        except ValueError:
            return None
        return MailId(UUID(bytes=raw[:_ID_BYTES])) if len(raw) == _TOKEN_BYTES else None


def _token(secret: bytes, mail: QueuedMail) -> str:
    parts = (
        mail.kind.encode(),
        mail.mail_id.bytes,
        mail.user_id.bytes,
        mail.email.encode(),
        mail.expires_at.isoformat().encode(),
    )
    mac = hmac.digest(secret, framed(parts), "sha256")
    return base64.urlsafe_b64encode(mail.mail_id.bytes + mac).decode()
