"""Tokens of both kinds: access tokens that anybody can verify, refresh tokens that only this room knows.

An access token is an RS256 JWT (RFC 9068). A refresh token is 256 bits without meaning, kept as a SHA-256 hash: it
has too much entropy for guessing, so a slow hash would add nothing. Under an idempotency key it is not drawn but
derived, from what the client sent and a secret of this room: so a repeated call can be given the same token again,
although it was never stored.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from joserfc import jwt

from nova.platform.auth.claims import ALGORITHM, TYPE, AccessClaims
from nova.platform.clock import Clock
from nova.platform.ids import uuid7
from nova.services.identity.keys import SigningKeys
from nova.services.identity.model import Account, RefreshTokenInvalid, SessionId

_TOKEN_BYTES = 32
_TOKEN_CHARS = 43


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """A refresh token: `text` for the client, `hash` for the database."""

    text: str = field(repr=False)
    hash: bytes


class RefreshTokens:
    """Makes and reads refresh tokens. `secrets` are of 32 bytes and serve nothing else: the first one makes."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._secrets = secrets

    def drawn(self) -> RefreshToken:
        """Return a new random token."""
        return _token(secrets.token_bytes(_TOKEN_BYTES))

    def derived(self, *parts: bytes) -> Sequence[RefreshToken]:
        """Return what follows from `parts`, by each secret (HMAC-SHA-256 over them, each with its length)."""
        return [_token(hmac.digest(secret, framed(parts), "sha256")) for secret in self._secrets]

    @staticmethod
    def read(text: str) -> RefreshToken:
        """Return the token that a client sent. Raises `RefreshTokenInvalid` for what cannot be one."""
        if len(text) != _TOKEN_CHARS or not text.isascii():
            raise RefreshTokenInvalid
        try:
            raw = base64.b64decode(text + "=", altchars=b"-_", validate=True)
        except ValueError:
            raise RefreshTokenInvalid from None
        token = _token(raw)
        if token.text != text:  # the last character has bits to spare: only one spelling is ours
            raise RefreshTokenInvalid
        return token


class AccessTokens:
    """Signs access tokens with the current key."""

    def __init__(
        self, *, keys: SigningKeys, clock: Clock, issuer: str, audience: str, life: timedelta
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._issuer = issuer
        self._audience = audience
        self._life = life

    @property
    def life_s(self) -> int:
        """Seconds for which a token is good."""
        return int(self._life.total_seconds())

    def issue(self, account: Account, session_id: SessionId) -> str:
        """Return a token that says what the account may do now. Raises `NoSigningKey`."""
        now = self._clock.now().replace(microsecond=0)
        claims = AccessClaims(
            user_id=account.user_id,
            session_id=session_id,
            roles=frozenset(account.roles),
            permissions=account.permissions,
            epoch=account.epoch,
            issued_at=now,
            expires_at=now + self._life,
            token_id=uuid7(),
            issuer=self._issuer,
            audience=self._audience,
        )
        key = self._keys.current()
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": key.kid}
        return jwt.encode(header, claims.to_json(), key.private)


def framed(parts: Iterable[bytes]) -> bytes:
    """Return `parts` as one text in which no two lists of parts look alike."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _token(raw: bytes) -> RefreshToken:
    text = base64.urlsafe_b64encode(raw).rstrip(b"=")
    return RefreshToken(text=text.decode(), hash=hashlib.sha256(text).digest())
