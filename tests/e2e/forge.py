"""Tokens that must be refused, made with the platform's own signing key where that makes them harder to refuse."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import asyncpg
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
)

from nova.services.identity.kek import Kek
from tests.e2e.nova import Nova
from tests.e2e.shapes import KEK


class Forge:
    """Alters a good token. `token` signs with the platform's own key: only what was changed is wrong with it."""

    def __init__(self, good: str, key: RSAPrivateKey) -> None:
        self.good = good
        self._key = key
        header, payload, self._signature = good.split(".")
        self.header: dict[str, Any] = json.loads(decoded(header))
        self.claims: dict[str, Any] = json.loads(decoded(payload))

    @classmethod
    async def of(cls, nova: Nova, good: str) -> "Forge":
        """Return a forge for a token of this platform, with the key that signed it."""
        assert nova.engines is not None
        connection = await asyncpg.connect(nova.engines.room_dsn("identity"))
        try:
            row = await connection.fetchrow("SELECT kid, sealed FROM signing_keys")
        finally:
            await connection.close()
        assert row is not None
        der = Kek(KEK).unseal(row["sealed"], name=row["kid"])
        assert der is not None
        key = load_der_private_key(der, password=None)
        assert isinstance(key, RSAPrivateKey)
        return cls(good, key)

    def token(self, header: Mapping[str, Any] | None = None, /, **claims: Any) -> str:
        """Return a token whose signature holds. A claim that is None is left out."""
        signed = self._signed({**self.header, **(header or {})}, {**self.claims, **claims})
        return f"{signed}.{encoded(self._key.sign(signed.encode(), PKCS1v15(), SHA256()))}"

    def unsigned(self, algorithm: str = "none") -> str:
        """Return a token that says it needs no signature."""
        return self._signed({**self.header, "alg": algorithm}, self.claims) + "."

    def hs256(self, *, of: PublicFormat, encoding: Encoding) -> str:
        """Return a token signed with the public key as if it were a shared secret."""
        signed = self._signed({**self.header, "alg": "HS256"}, self.claims)
        secret = self._key.public_key().public_bytes(encoding, of)
        return f"{signed}.{encoded(hmac.digest(secret, signed.encode(), hashlib.sha256))}"

    def resealed(self, **claims: Any) -> str:
        """Return other claims under the signature of the good token."""
        return f"{self._signed(self.header, {**self.claims, **claims})}.{self._signature}"

    @staticmethod
    def _signed(header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        kept = {name: value for name, value in claims.items() if value is not None}
        return f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(kept).encode())}"


def encoded(value: bytes) -> str:
    """Return base64url without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Return what base64url without padding says."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
