"""Nouns of the room: accounts, sessions, tokens, revocations, and the facts that stop a verb."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from nova.platform.errors import Conflict, Forbidden, InvalidArgument, NotFound, RateLimited, Unauthenticated
from nova.policy.permissions import Role, permissions_of

MailId = NewType("MailId", UUID)
UserId = NewType("UserId", UUID)
SessionId = NewType("SessionId", UUID)

MEMBER_ONLY = frozenset({Role.MEMBER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """That an account may not sign in: `until` a moment, or for good (None). `suspended_by` None is the operator."""

    suspended_at: datetime
    until: datetime | None
    reason: str
    suspended_by: UserId | None

    def holds_at(self, moment: datetime) -> bool:
        """Return whether it is in force at a moment: it ends by itself."""
        return self.until is None or moment < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who may sign in. A token that carries a lower `epoch` than the account is void.

    `suspension` is the last one that nobody took back, whether or not its time has passed.
    """

    user_id: UserId
    handle: str
    email: str
    roles: frozenset[Role]
    epoch: int
    created_at: datetime
    email_verified_at: datetime | None
    suspension: Suspension | None

    def refusal_at(self, moment: datetime) -> "AccountSuspended | None":
        """Return why the account may have no session at a moment; None where it may."""
        if self.suspension is None or not self.suspension.holds_at(moment):
            return None
        return AccountSuspended(self.suspension.until)

    @property
    def permissions(self) -> frozenset[str]:
        """Everything that the account may do."""
        return permissions_of(self.roles)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """An account about to be opened. `display_name` is told to the others and not kept here."""

    user_id: UserId
    handle: str
    email: str
    password_hash: str = field(repr=False)
    display_name: str
    created_at: datetime
    roles: frozenset[Role] = MEMBER_ONLY

    def opened(self) -> Account:
        """Return the account as it stands once it is opened."""
        return Account(
            user_id=self.user_id,
            handle=self.handle,
            email=self.email,
            roles=self.roles,
            epoch=0,
            created_at=self.created_at,
            email_verified_at=None,
            suspension=None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An account with the hash that its password is held against."""

    account: Account
    password_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Where a session was opened, as the list of sessions shows it."""

    user_agent: str
    ip_address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One signed-in device."""

    session_id: SessionId
    user_id: UserId
    device: Device
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPage:
    """Sessions of one account, newest first; `next_after` begins the next page where there is one."""

    sessions: Sequence[Session]
    next_after: SessionId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair:
    """What a client holds for its session. Never logged, never stored in this form."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """An account with the tokens of one of its sessions."""

    account: Account
    session_id: SessionId
    tokens: TokenPair


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedCall:
    """A call that came under an idempotency key and answers with tokens. `body_hash` covers no password."""

    method: str
    key: str = field(repr=False)
    body_hash: bytes

    @property
    def key_hash(self) -> bytes:
        """The key as it is stored (SHA-256)."""
        return hashlib.sha256(self.key.encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """A password that is being tried: counted against `subject` until it turns out to be right."""

    subject: bytes
    guessed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """An account whose password was given; the right guess is given back by what acts on it."""

    credentials: Credentials
    guess: Guess


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """One ended session, or with `epoch`: every token of the user that carries a smaller one."""

    seq: int
    user_id: UserId
    session_id: SessionId | None
    epoch: int | None
    revoked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """A signing key at rest: the public half as DER (SubjectPublicKeyInfo), the private half sealed."""

    kid: str
    public_der: bytes
    sealed: bytes = field(repr=False)
    created_at: datetime
    signs_from: datetime
    signs_until: datetime
    verifies_until: datetime


class MailKind(StrEnum):
    """What a mail is for. A link serves the purpose of its mail, and no other."""

    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - a purpose
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - as above


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedMail:
    """A mail to the owner of an account; `email` is the address that the account had when it was queued."""

    mail_id: MailId
    user_id: UserId
    kind: MailKind
    email: str
    queued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DueMail:
    """A mail that is being sent, for the `tries`-th time."""

    mail: QueuedMail
    handle: str
    tries: int


class HandleTaken(Conflict):
    """This handle belongs to another account: choose another."""


class EmailTaken(Conflict):
    """An account with this e-mail address exists: sign in instead."""


class InvalidCredentials(Unauthenticated):
    """The login or the password is wrong."""


class AccountSuspended(Forbidden):
    """This account is suspended: until when, its message says."""

    def __init__(self, until: datetime | None) -> None:
        ends = "for good" if until is None else f"until {until.isoformat(timespec='seconds')}"
        super().__init__(f"This account is suspended {ends}.")


class SuspensionEnded(InvalidArgument):
    """A suspension ends in the future, or never."""


class OneselfNamed(InvalidArgument):
    """Nobody can suspend or reinstate himself."""


class TooManyGuesses(RateLimited):
    """Too many wrong passwords for this login: wait, then try again."""


class RefreshTokenInvalid(Unauthenticated):
    """This refresh token is unknown, expired, or of a session that has ended: sign in again."""


class RefreshTokenReused(Unauthenticated):
    """This refresh token was used before, so its session was ended: sign in again."""


class TooManyMails(RateLimited):
    """Too many mails were asked for: wait, then ask again."""


class LinkInvalid(InvalidArgument):
    """This link is not good any more: ask for a new one."""


class SessionNotFound(NotFound):
    """There is no such session."""


class AccountNotFound(NotFound):
    """There is no such account."""
