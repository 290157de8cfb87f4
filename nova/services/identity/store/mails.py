"""Mails: queued with the change that they tell of, sent by whichever process comes first, links used once."""

from datetime import datetime

from nova.platform.db.tx import Tx
from nova.services.identity.model import DueMail, MailId, MailKind, UserId
from nova.services.identity.store.rows import MAIL, mail_of

# From the account's own row: where there is none nothing is queued, and it takes as long.
_QUEUE = f"""
INSERT INTO mails ({MAIL}, due_at)
SELECT $1::uuid, user_id, $3::text, email, $4::timestamptz, $5::timestamptz, $4 FROM accounts WHERE user_id = $2
"""
_TAKE_DUE = f"""
UPDATE mails SET tries = tries + 1, due_at = $2
FROM accounts
WHERE accounts.user_id = mails.user_id AND mail_id = any(ARRAY(
    SELECT mail_id FROM mails WHERE due_at <= $1 AND expires_at > $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED))
RETURNING {", ".join(f"mails.{column}" for column in MAIL.split(", "))}, handle, tries
"""


class MailsTx(Tx):
    """What a transaction may do to mails."""

    async def queue_mail(
        self, mail_id: MailId, user_id: UserId, kind: MailKind, *, at: datetime, expires_at: datetime
    ) -> None:
        """Queue a mail to the address of an account; to nobody, where there is no such account."""
        await self.execute(_QUEUE, mail_id, user_id, kind, at, expires_at)

    async def take_due(self, now: datetime, *, again_at: datetime, limit: int) -> list[DueMail]:
        """Return mails that are due, oldest first, and leave them to others no sooner than `again_at`."""
        rows = await self.fetch(_TAKE_DUE, now, again_at, limit)
        return [DueMail(mail=mail_of(row), handle=row["handle"], tries=row["tries"]) for row in rows]

    async def set_due(self, mail_id: MailId, due_at: datetime | None) -> None:
        """Note when a mail is to be sent again; None: never."""
        await self.execute("UPDATE mails SET due_at = $2 WHERE mail_id = $1", mail_id, due_at)

    async def use_link(self, mail_id: MailId, now: datetime) -> bool:
        """Use the link of a mail up. Return False when it was used before, or has expired."""
        used = await self.execute(
            "UPDATE mails SET used_at = $2 WHERE mail_id = $1 AND used_at IS NULL AND expires_at > $2",
            mail_id,
            now,
        )
        return used == 1

    async def void_links(self, user_id: UserId, kind: MailKind, now: datetime) -> None:
        """Make all links of a kind void, and do not send those that still wait."""
        await self.execute(
            "UPDATE mails SET used_at = coalesce(used_at, $3), due_at = NULL WHERE user_id = $1 AND kind = $2",
            user_id, kind, now,
        )  # fmt: skip
