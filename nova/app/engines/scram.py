"""The SCRAM-SHA-256 verifier of a password, as PostgreSQL stores it (RFC 5803, RFC 7677).

Made here so that a password never travels in a statement, where a server's log could keep it.
"""

import base64
import hashlib
import hmac
import re
import secrets

ITERATIONS = 4096
SALT_BYTES = 16
_FORM = re.compile(r"SCRAM-SHA-256\$(?P<iterations>\d+):(?P<salt>[A-Za-z0-9+/=]+)\$[^$]+")


def accepts(verifier: str, password: str) -> bool:
    """Whether a stored verifier lets this password in, whatever its salt. Raises ValueError as `scram_verifier`."""
    form = _FORM.fullmatch(verifier)
    if form is None:
        return False
    again = scram_verifier(password, salt=base64.b64decode(form["salt"]), iterations=int(form["iterations"]))
    return hmac.compare_digest(again, verifier)


def scram_verifier(password: str, *, salt: bytes | None = None, iterations: int = ITERATIONS) -> str:
    """`SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`; it is ASCII, so SASLprep changes nothing.

    Raises ValueError for any other password.
    """
    if not password or not password.isascii() or not password.isprintable():
        raise ValueError("a role's password is printable ASCII")
    salt = secrets.token_bytes(SALT_BYTES) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${iterations}:{encoded(salt)}${encoded(stored)}:{encoded(server)}"


def encoded(raw: bytes) -> str:
    """Base64, as the verifier spells it."""
    return base64.b64encode(raw).decode()
