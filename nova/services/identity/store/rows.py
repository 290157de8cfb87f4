"""Rows as nouns."""

from nova.platform.db.pool import Record
from nova.platform.errors import IdempotencyConflict
from nova.policy.permissions import Role
from nova.services.identity.model import (
    Account,
    Credentials,
    Device,
    EmailTaken,
    HandleTaken,
    KeyedCall,
    MailKind,
    QueuedMail,
    Session,
    SessionId,
    StoredKey,
    Suspension,
)

ACCOUNT = (
    "user_id, handle, email, roles, epoch, created_at, email_verified_at, "
    "suspended_at, suspended_until, suspended_by, suspension_reason"
)
MAIL = "mail_id, user_id, kind, email, queued_at, expires_at"
SESSION = "session_id, user_id, user_agent, ip_address, created_at, last_used_at, expires_at"
STORED_KEY = "kid, public_der, sealed, created_at, signs_from, signs_until, verifies_until"
CALL = "SELECT body_hash, session_id FROM keyed_calls WHERE method = $1 AND key_hash = $2"
TAKEN = "SELECT handle = $1 FROM accounts WHERE handle = $1 OR email = $2 ORDER BY 1 DESC LIMIT 1"


def taken_of(is_handle: bool) -> HandleTaken | EmailTaken:
    """Return which of the two an existing account has."""
    return HandleTaken(field="handle") if is_handle else EmailTaken(field="email")


def first_session_of(call: KeyedCall, row: Record | None) -> SessionId | None:
    """Return the session of the first call under a key. Raises `IdempotencyConflict` for another body."""
    if row is None:
        return None
    if row["body_hash"] != call.body_hash:
        raise IdempotencyConflict
    return SessionId(row["session_id"])


def account_of(row: Record) -> Account:
    """Return an account."""
    return Account(
        user_id=row["user_id"],
        handle=row["handle"],
        email=row["email"],
        roles=frozenset(Role(role) for role in row["roles"]),
        epoch=row["epoch"],
        created_at=row["created_at"],
        email_verified_at=row["email_verified_at"],
        suspension=suspension_of(row),
    )


def suspension_of(row: Record) -> Suspension | None:
    """Return the suspension of an account."""
    if row["suspended_at"] is None:
        return None
    return Suspension(
        suspended_at=row["suspended_at"],
        until=row["suspended_until"],
        reason=row["suspension_reason"],
        suspended_by=row["suspended_by"],
    )


def mail_of(row: Record) -> QueuedMail:
    """Return a mail."""
    return QueuedMail(
        mail_id=row["mail_id"],
        user_id=row["user_id"],
        kind=MailKind(row["kind"]),
        email=row["email"],
        queued_at=row["queued_at"],
        expires_at=row["expires_at"],
    )


def credentials_of(row: Record) -> Credentials:
    """Return an account with its hash."""
    return Credentials(account=account_of(row), password_hash=row["password_hash"])


def session_of(row: Record) -> Session:
    """Return a session."""
    return Session(
        session_id=row["session_id"],
        user_id=row["user_id"],
        device=Device(user_agent=row["user_agent"], ip_address=row["ip_address"]),
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        expires_at=row["expires_at"],
    )


def stored_key_of(row: Record) -> StoredKey:
    """Return a signing key at rest."""
    return StoredKey(**row)
