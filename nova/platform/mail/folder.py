"""Mail into a folder, one `.eml` file each: what a mail program on this machine opens."""

import asyncio
import os
import secrets
from pathlib import Path

from nova.platform.clock import Clock
from nova.platform.mail.message import composed
from nova.platform.mail.port import Mail, MailUnavailable


class FolderMailer:
    """Implements `Mailer`. Files are the owner's alone to read: links in them open accounts.

    A file appears whole or not at all; its name is the id of its mail, so that names sort by time.
    """

    def __init__(self, folder: Path, *, sender: str, clock: Clock) -> None:
        self._folder = folder
        self._sender = sender
        self._clock = clock

    async def send(self, mail: Mail) -> None:
        """Write the file."""
        message = composed(mail, sender=self._sender, at=self._clock.now())
        try:
            await asyncio.to_thread(self._write, f"{mail.mail_id}.eml", message.as_bytes())
        except OSError as error:
            raise MailUnavailable(f"The mail folder cannot be written ({error.strerror}).") from error

    def _write(self, name: str, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._folder / f".{name}.{secrets.token_hex(4)}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as out:
                out.write(content)
            draft.replace(self._folder / name)
        finally:
            draft.unlink(missing_ok=True)
