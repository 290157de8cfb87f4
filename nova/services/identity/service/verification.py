"""Showing that the address of an account is its owner's: a link that is mailed there comes back."""

from nova.platform.auth.actor import Actor
from nova.platform.clock import Clock
from nova.services.identity.model import AccountNotFound, MailKind, UserId
from nova.services.identity.service.mailing import Mailing
from nova.services.identity.service.opening import Opening
from nova.services.identity.store.reading import IdentityStore


class Verification:
    """Addresses that are shown to be somebody's."""

    def __init__(self, *, store: IdentityStore, opening: Opening, mailing: Mailing, clock: Clock) -> None:
        self._store = store
        self._opening = opening
        self._mailing = mailing
        self._clock = clock

    async def request(self, actor: Actor) -> None:
        """Mail the caller another link; those before it stay good. Raises `TooManyMails`.

        An address that is verified already gets none.
        """
        user_id = UserId(actor.user_id)
        async with self._store.transaction() as tx:
            account = await tx.hold_account(user_id)
            if account is None:
                raise AccountNotFound
            if account.email_verified_at is None:
                await self._mailing.count(tx, b"verification:" + user_id.bytes)
                await self._mailing.queue(tx, MailKind.VERIFY_EMAIL, user_id)
            tx.answer(None)

    async def verify(self, token: str) -> str:
        """Verify the address that the link of `token` was mailed to, and return it. Raises `LinkInvalid`."""
        mail = await self._opening.find(token, MailKind.VERIFY_EMAIL)
        async with self._store.transaction() as tx:
            used = await self._opening.use(tx, mail)
            await tx.note_verified(used.user_id, self._clock.now())
            return tx.answer(used.email)
