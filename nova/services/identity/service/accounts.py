"""Opening an account, signing in to it, and changing its password."""

import unicodedata

from nova.platform.auth.actor import Actor
from nova.platform.auth.tokens import RevokedToken
from nova.platform.clock import Clock
from nova.platform.errors import IdempotencyConflict, InvalidArgument
from nova.platform.ids import uuid7
from nova.policy import rules
from nova.services.identity import events
from nova.services.identity.model import (
    Account,
    AccountNotFound,
    Credentials,
    Device,
    InvalidCredentials,
    KeyedCall,
    MailKind,
    NewAccount,
    Proven,
    SessionId,
    SignedIn,
    UserId,
)
from nova.services.identity.passwords import Passwords
from nova.services.identity.service.guessing import Guessing
from nova.services.identity.service.mailing import Mailing
from nova.services.identity.service.revoking import Revoking
from nova.services.identity.service.tickets import Tickets, keyed_call
from nova.services.identity.store.reading import IdentityStore
from nova.services.identity.store.tx import IdentityTx


class Accounts:
    """Who may sign in, and by which password."""

    def __init__(
        self,
        *,
        store: IdentityStore,
        passwords: Passwords,
        guessing: Guessing,
        tickets: Tickets,
        revoking: Revoking,
        mailing: Mailing,
        clock: Clock,
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._guessing = guessing
        self._tickets = tickets
        self._revoking = revoking
        self._mailing = mailing
        self._clock = clock

    async def sign_up(
        self, *, handle: str, email: str, password: str, display_name: str, device: Device, key: str | None
    ) -> SignedIn:
        """Open an account and its first session. Raises `HandleTaken` or `EmailTaken`.

        A repeat under the same key is a sign-in, with all that guards it: the password must fit.
        """
        handle, email, name = rules.handle(handle), rules.email(email), rules.display_name(display_name)
        password = rules.password(password)
        call = keyed_call("SignUp", key, handle, email, name)
        # In this order: a first call under the key leaves its record by the commit that takes the handle.
        taken = await self._store.find_taken(handle, email)
        if call is not None and await self._store.find_call(call) is not None:
            return await self._repeat_sign_up(handle, password, device, call)
        if taken is not None:
            raise taken
        new = NewAccount(
            user_id=UserId(uuid7()),
            handle=handle,
            email=email,
            password_hash=await self._passwords.hash(password),
            display_name=name,
            created_at=self._clock.now(),
        )
        async with self._store.transaction() as tx:
            start = await self._tickets.start(tx, call)
            if not start.is_repeat:
                await tx.add_account(new)
                tx.emit(events.user_created(new))
                await self._mailing.queue(tx, MailKind.VERIFY_EMAIL, new.user_id)
                return await self._tickets.open(tx, new.opened(), device, start)
        # Both calls came at once, and the other one was first: only a call under a key can be a repeat.
        return await self._repeat_sign_up(handle, password, device, call)

    async def sign_in(self, *, login: str, password: str, device: Device, key: str | None) -> SignedIn:
        """Open a session by handle or e-mail address.

        Raises `InvalidCredentials` or `TooManyGuesses`; `AccountSuspended` to those alone who know the password.
        """
        login, password = _login(login), _typed(password)
        proven = await self._guessing.prove(login, await self._store.find_by_login(login), password)
        return await self._enter(proven, password, device, keyed_call("SignIn", key, login))

    async def change_password(
        self, actor: Actor, *, current: str, following: str, key: str | None
    ) -> SignedIn:
        """Replace the password, end every other session, and return new tokens for this one."""
        actor.require("password:change:own")
        following = rules.password(following, field="next_password")
        credentials = await self._own_credentials(actor)
        call = keyed_call("ChangePassword", key and f"{actor.user_id}/{key}", actor.session_id.bytes)
        if call is not None and await self._store.find_call(call) is not None:
            return await self._repeat_change(actor, following, call)
        proven = await self._prove_own(credentials, _typed(current, field="current_password"))
        following_hash = await self._passwords.hash(following)
        async with self._store.transaction() as tx:
            standing = await tx.lock_credentials(credentials.account.user_id)
            if standing is not None and standing.password_hash == credentials.password_hash:
                await tx.return_guess(proven.guess)
                return await self._replace(tx, actor, following_hash, call)
        # It was changed since it was proven: perhaps by this very call, sent twice at once.
        return await self._repeat_change(actor, following, call)

    async def account_of(self, actor: Actor) -> Account:
        """Return the caller's own account."""
        return (await self._own_credentials(actor)).account

    async def _repeat_sign_up(
        self, handle: str, password: str, device: Device, call: KeyedCall | None
    ) -> SignedIn:
        credentials = await self._store.find_by_login(handle)
        try:
            proven = await self._guessing.prove(handle, credentials, password)
        except InvalidCredentials:
            raise IdempotencyConflict from None
        return await self._enter(proven, password, device, call)

    async def _enter(self, proven: Proven, password: str, device: Device, call: KeyedCall | None) -> SignedIn:
        """Open a session for the one who has proven the password."""
        known = proven.credentials
        outdated = self._passwords.is_outdated(known.password_hash)
        renewed = await self._passwords.hash(password) if outdated else None
        async with self._store.transaction() as tx:
            start = await self._tickets.start(tx, call)
            standing = await tx.lock_credentials(known.account.user_id)
            if standing is None or standing.password_hash != known.password_hash:
                raise InvalidCredentials  # the password was changed since it was proven
            await tx.return_guess(proven.guess)
            if renewed is not None:
                await tx.set_password(known.account.user_id, renewed)
            refusal = standing.account.refusal_at(self._clock.now())
            if refusal is None:
                return await self._tickets.open(tx, standing.account, device, start)
        raise refusal  # after COMMIT: the guess was right, and is given back

    async def _replace(
        self, tx: IdentityTx, actor: Actor, password_hash: str, call: KeyedCall | None
    ) -> SignedIn:
        """Put the new password in place and leave this session alone alive."""
        user_id, session_id = UserId(actor.user_id), SessionId(actor.session_id)
        if call is not None:
            # The key holds the user's id, so whoever waits for it has waited for the account before.
            await tx.claim_call(call, session_id, self._clock.now())
        if await tx.lock_session(session_id) is None:
            raise RevokedToken
        await tx.set_password(user_id, password_hash)
        await tx.end_sessions(user_id, but=session_id)
        await tx.forget_refresh_tokens(session_id)
        token = self._tickets.token_of(call, session_id.bytes, password_hash.encode())
        await self._tickets.renew(tx, session_id, token)
        await self._mailing.queue(tx, MailKind.PASSWORD_CHANGED, user_id)
        return self._tickets.pair(await self._revoking.void_tokens(tx, user_id), session_id, token)

    async def _repeat_change(self, actor: Actor, following: str, call: KeyedCall | None) -> SignedIn:
        """Answer again, if the password is the new one by now and the session still has the token of this call."""
        credentials = await self._own_credentials(actor)
        proven = await self._prove_own(credentials, following)
        session_id = SessionId(actor.session_id)
        made_by = (session_id.bytes, credentials.password_hash.encode())
        async with self._store.transaction() as tx:
            await tx.return_guess(proven.guess)
            told = await self._tickets.told(tx, session_id, call, *made_by)
            if told is not None:
                return self._tickets.pair(credentials.account, session_id, told)
        raise _wrong_current()

    async def _prove_own(self, credentials: Credentials, password: str) -> Proven:
        try:
            return await self._guessing.prove(credentials.account.handle, credentials, password)
        except InvalidCredentials:
            raise _wrong_current() from None

    async def _own_credentials(self, actor: Actor) -> Credentials:
        credentials = await self._store.find_by_id(UserId(actor.user_id))
        if credentials is None:
            raise AccountNotFound
        return credentials


def _login(value: str) -> str:
    """Return a login as it is kept. What can be nobody's goes on as it is, and is nobody's."""
    if len(value) > rules.EMAIL_MOST:
        raise InvalidArgument(f"login: at most {rules.EMAIL_MOST} characters.", field="login")
    return value.strip().lower()


def _typed(value: str, *, field: str = "password") -> str:
    """Return a password that is to be tried, normalised as when it was set; only its length is bounded."""
    kept = unicodedata.normalize("NFKC", value)
    if len(kept) > rules.PASSWORD_MOST:
        raise InvalidArgument(f"{field}: at most {rules.PASSWORD_MOST} characters.", field=field)
    return kept


def _wrong_current() -> InvalidCredentials:
    return InvalidCredentials("The current password is wrong.", field="current_password")
