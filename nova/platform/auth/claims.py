"""What an access token says, laid out once for the signer and for every verifier.

A JWT access token of RFC 9068: `typ` is `at+jwt`, so that id, refresh, e-mail and stream tokens are told
apart by their header alone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from nova.platform.ids import id_of

ALGORITHM = "RS256"
TYPE = "at+jwt"
ISSUER = "nova-auth"
AUDIENCE = "nova"
CLIENT_ID = "nova"
ACCESS_LIFETIME_S = 3600
LEEWAY_S = 30
CLOCK_SKEW_S = 300
"""How far the clock of the issuer may go before that of a verifier: what it has just issued is good all the same."""

# The canonical form only (RFC 9562): UUID() would take braces, capitals and what not.
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TEXT = {str}
_MOST_ROLES = 64
_MOST_PERMISSIONS = 256


class ClaimsBroken(ValueError):
    """A claim is missing, or has another type or form than an access token gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessClaims:
    """The claims of one access token, in whole seconds. `epoch` is the session epoch of the user at issue."""

    user_id: UUID
    session_id: UUID
    roles: frozenset[str]
    permissions: frozenset[str]
    epoch: int
    issued_at: datetime
    expires_at: datetime
    token_id: UUID
    issuer: str = ISSUER
    audience: str = AUDIENCE

    def to_json(self) -> dict[str, object]:
        """Return the payload of the token."""
        return {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": str(self.user_id),
            "client_id": CLIENT_ID,
            "jti": str(self.token_id),
            "iat": int(self.issued_at.timestamp()),
            "exp": int(self.expires_at.timestamp()),
            "user_id": str(self.user_id),
            "sid": str(self.session_id),
            "roles": sorted(self.roles),
            "permissions": sorted(self.permissions),
            "epoch": self.epoch,
        }

    @classmethod
    def from_json(cls, payload: Mapping[str, object]) -> "AccessClaims":
        """Return the claims of a payload whose signature is good. Raises `ClaimsBroken`."""
        user_id = _uuid(payload, "user_id")
        if payload.get("sub") != payload["user_id"]:
            raise ClaimsBroken("sub")
        return cls(
            user_id=user_id,
            session_id=_uuid(payload, "sid"),
            roles=_texts(payload, "roles", _MOST_ROLES),
            permissions=_texts(payload, "permissions", _MOST_PERMISSIONS),
            epoch=_integer(payload, "epoch"),
            issued_at=_moment(payload, "iat"),
            expires_at=_moment(payload, "exp"),
            token_id=_uuid(payload, "jti"),
            issuer=_text(payload, "iss"),
            audience=_text(payload, "aud"),
        )


def _text(payload: Mapping[str, object], name: str) -> str:
    value = payload.get(name)
    if not isinstance(value, str):
        raise ClaimsBroken(name)
    return value


def _uuid(payload: Mapping[str, object], name: str) -> UUID:
    text = _text(payload, name)
    if not _UUID.fullmatch(text):
        raise ClaimsBroken(name)
    return id_of(bytes.fromhex(text.replace("-", "")))


def _texts(payload: Mapping[str, object], name: str, most: int) -> frozenset[str]:
    values = payload.get(name)
    if not isinstance(values, list) or len(values) > most:
        raise ClaimsBroken(name)
    if not set(map(type, values)) <= _TEXT:
        raise ClaimsBroken(name)
    return frozenset(values)


def _integer(payload: Mapping[str, object], name: str) -> int:
    value = payload.get(name)
    if type(value) is not int or value < 0:  # a bool is an int, but not here
        raise ClaimsBroken(name)
    return value


def _moment(payload: Mapping[str, object], name: str) -> datetime:
    seconds = _integer(payload, name)
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise ClaimsBroken(name) from error
