"""The SCRAM-SHA-256 verifier of a password, as PostgreSQL stores it (RFC 5803, RFC 7677).

Made here so that a password never travels in a statement, where a server's log could keep it.
"""

import base64
import hashlib
import hmac
import secrets

ITERATIONS = 4096
SALT_BYTES = 16


def scram_verifier(password: str, *, salt: bytes | None = None) -> str:
    """`SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`; it is ASCII, so SASLprep changes nothing.

    Raises ValueError for any other password.
    """
    if not password or not password.isascii() or not password.isprintable():
        raise ValueError("a role's password is printable ASCII")
    salt = secrets.token_bytes(SALT_BYTES) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${ITERATIONS}:{encoded(salt)}${encoded(stored)}:{encoded(server)}"


def encoded(raw: bytes) -> str:
    """Base64, as the verifier spells it."""
    return base64.b64encode(raw).decode()
