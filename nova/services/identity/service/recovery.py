"""Getting back into an account by its mailbox: a link is mailed, and sets a new password once."""

import hashlib

from nova.platform.clock import Clock
from nova.platform.ids import uuid7
from nova.policy import rules
from nova.services.identity.model import MailKind, UserId
from nova.services.identity.passwords import Passwords
from nova.services.identity.service.mailing import Mailing
from nova.services.identity.service.opening import Opening
from nova.services.identity.service.revoking import Revoking
from nova.services.identity.store.reading import IdentityStore


class Recovery:
    """Passwords that were forgotten."""

    def __init__(
        self,
        *,
        store: IdentityStore,
        passwords: Passwords,
        opening: Opening,
        mailing: Mailing,
        revoking: Revoking,
        clock: Clock,
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._opening = opening
        self._mailing = mailing
        self._revoking = revoking
        self._clock = clock

    async def request(self, email: str) -> None:
        """Mail a link to the account of an address. Raises `TooManyMails`.

        An address that nobody has is counted like any other, and the same statements are run for it, so that the
        answer, its time and its limit do not tell.
        """
        email = rules.email(email)
        known = await self._store.find_by_login(email)
        user_id = UserId(uuid7()) if known is None else known.account.user_id
        named = hashlib.sha256(email.encode()).digest() if known is None else user_id.bytes
        async with self._store.transaction() as tx:
            await self._mailing.count(tx, b"recovery:" + named)
            await self._mailing.queue(tx, MailKind.RESET_PASSWORD, user_id)
            tx.answer(None)

    async def reset(self, token: str, password: str) -> None:
        """Set a new password by the token of a link, and end every session. Raises `LinkInvalid`."""
        password = rules.password(password)
        mail = await self._opening.find(token, MailKind.RESET_PASSWORD)
        # Who has no genuine link does not make us hash.
        password_hash = "" if mail is None else await self._passwords.hash(password)
        async with self._store.transaction() as tx:
            user_id, now = (await self._opening.use(tx, mail)).user_id, self._clock.now()
            await tx.void_links(user_id, MailKind.RESET_PASSWORD, now)
            await tx.set_password(user_id, password_hash)
            await tx.note_verified(user_id, now)
            await tx.end_sessions(user_id)
            await self._mailing.queue(tx, MailKind.PASSWORD_CHANGED, user_id)
            await self._revoking.void_tokens(tx, user_id)
            tx.answer(None)
