"""An issuer for tests: real keys, real signatures, and every way to get a token wrong."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from nova.platform.auth.claims import ACCESS_LIFETIME_S, AccessClaims
from nova.platform.ids import uuid7

KID = "key-1"
PERMISSIONS = frozenset({"content:read", "content:delete:own"})


@cache
def private_key(name: str = KID, bits: int = 2048) -> RSAPrivateKey:
    """Return the key of that name, made once a session for its generation is slow."""
    assert name
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def encoded(value: bytes) -> str:
    """Return base64url without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def compact(members: Mapping[str, object]) -> str:
    """Return JSON without spaces, as the identity room's signer writes it."""
    return json.dumps(members, separators=(",", ":"))


class KnownKeys:
    """A key source that holds what it is given, counts how often it is asked, and may be down."""

    def __init__(self, **keys: RSAPublicKey) -> None:
        self.by_id: dict[str, RSAPublicKey] = keys
        self.asked = 0
        self.down = False

    async def keys(self) -> Mapping[str, RSAPublicKey]:
        self.asked += 1
        if self.down:
            raise ConnectionError
        return dict(self.by_id)


class Issuer:
    """Signs tokens as the identity room does."""

    def __init__(self, *, now: datetime | None = None, kid: str = KID) -> None:
        self.now = now or datetime.now(UTC)
        self.kid = kid

    def keys(self) -> KnownKeys:
        return KnownKeys(**{self.kid: private_key(self.kid).public_key()})

    def claims(
        self, user_id: UUID | None = None, session_id: UUID | None = None, epoch: int = 1
    ) -> AccessClaims:
        return AccessClaims(
            user_id=user_id or uuid7(),
            session_id=session_id or uuid7(),
            roles=frozenset({"user"}),
            permissions=PERMISSIONS,
            epoch=epoch,
            issued_at=self.now,
            expires_at=self.now + timedelta(seconds=ACCESS_LIFETIME_S),
            token_id=uuid7(),
        )

    def header(self) -> dict[str, object]:
        return {"alg": "RS256", "typ": "at+jwt", "kid": self.kid}

    def token(self, claims: AccessClaims | None = None) -> str:
        """Return a token that is right in everything."""
        return self.sealed(compact(self.header()), compact((claims or self.claims()).to_json()))

    def altered(self, header: Mapping[str, object] | None = None, **changes: object) -> str:
        """Return a signed token with other members; a change to None takes the claim out."""
        payload = {**self.claims().to_json(), **changes}
        kept = {name: value for name, value in payload.items() if value is not None}
        return self.sealed(json.dumps(self.header() if header is None else header), json.dumps(kept))

    def sealed(self, header: str, payload: str) -> str:
        """Return a token of these exact texts, with a signature that holds."""
        signed = f"{encoded(header.encode())}.{encoded(payload.encode())}"
        signature = private_key(self.kid).sign(signed.encode(), PKCS1v15(), SHA256())
        return f"{signed}.{encoded(signature)}"
