"""Queueing mails with the change that they tell of: neither goes without the other."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from nova.platform.clock import Clock
from nova.platform.ids import uuid7
from nova.services.identity.model import MailId, MailKind, TooManyMails, UserId
from nova.services.identity.store.tx import IdentityTx

GOOD_FOR: Final[Mapping[MailKind, timedelta]] = {
    MailKind.VERIFY_EMAIL: timedelta(hours=24),
    MailKind.RESET_PASSWORD: timedelta(minutes=30),
    MailKind.PASSWORD_CHANGED: timedelta(hours=24),
}
"""How long a link is good, and its mail worth sending."""


class Mailing:
    """Queues mails. `wake` lets them leave at once when they are committed, rather than at the next look."""

    def __init__(self, *, clock: Clock, wake: Callable[[], None]) -> None:
        self._clock = clock
        self._wake = wake

    async def queue(self, tx: IdentityTx, kind: MailKind, user_id: UserId) -> None:
        """Queue a mail to the owner of an account; where there is no such account, do as much and queue none."""
        now = self._clock.now()
        await tx.queue_mail(MailId(uuid7()), user_id, kind, at=now, expires_at=now + GOOD_FOR[kind])
        tx.after_commit(self._wake)

    @staticmethod
    async def count(tx: IdentityTx, subject: bytes) -> None:
        """Count a mail that was asked for: as many an hour as passwords may be tried. Raises `TooManyMails`."""
        if await tx.take_guess(subject) is None:
            raise TooManyMails(retry_after_s=await tx.guess_wait_s(subject))
