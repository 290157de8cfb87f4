"""Opening a link that came by mail: genuine, for this purpose, in time, and once."""

from nova.platform.clock import Clock
from nova.services.identity.links import LinkTokens
from nova.services.identity.model import LinkInvalid, MailKind, QueuedMail
from nova.services.identity.store.reading import IdentityStore
from nova.services.identity.store.tx import IdentityTx


class Opening:
    """Reads the tokens of links, and uses them up."""

    def __init__(self, *, store: IdentityStore, tokens: LinkTokens, clock: Clock) -> None:
        self._store = store
        self._tokens = tokens
        self._clock = clock

    async def find(self, token: str, kind: MailKind) -> QueuedMail | None:
        """Return the mail of a genuine token of a kind, used or not; None for any other token."""
        mail_id = self._tokens.mail_id_of(token)
        mail = None if mail_id is None else await self._store.find_mail(mail_id)
        if mail is None or not self._tokens.fits(token, mail) or mail.kind is not kind:
            return None
        return mail

    async def use(self, tx: IdentityTx, mail: QueuedMail | None) -> QueuedMail:
        """Use a link up, with its account locked. Raises `LinkInvalid`, also when the address is another by now.

        In a transaction even where there is nothing to use: to a request that is repeated under its key after its
        success the first answer is given.
        """
        if mail is not None:
            standing = await tx.lock_credentials(mail.user_id)
            same = standing is not None and standing.account.email == mail.email
            if same and await tx.use_link(mail.mail_id, self._clock.now()):
                return mail
        raise LinkInvalid(field="token")
