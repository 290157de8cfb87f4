"""The key-encryption key: it seals the private signing keys at rest, and nothing in PostgreSQL can replace it.

It is `NOVA_IDENTITY_KEK`, or on a machine of one's own a random one, kept in the data folder and readable by its
owner only. While it is replaced there are two: the first one makes and seals, either opens and is taken.
"""

import contextlib
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from nova.platform.errors import FailedPrecondition

_KEY_BYTES = 32
_NONCE_BYTES = 12
_FILE = "identity.kek"


class KekUnusable(FailedPrecondition):
    """The file of the key-encryption key cannot be used."""


class Kek:
    """The key-encryption key, and `before` it another one. Keys for single purposes are derived (HKDF, RFC 5869)."""

    def __init__(self, secret: str, before: str | None = None) -> None:
        self._secrets = [text.encode() for text in (secret, before) if text is not None]
        self._ciphers = [AESGCM(key) for key in self.derived("signing-keys")]

    def derived(self, purpose: str) -> tuple[bytes, ...]:
        """Return 32 bytes for one purpose, of each key: the first ones make, all are taken."""
        info = f"nova/identity/{purpose}".encode()
        return tuple(
            HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(secret)
            for secret in self._secrets
        )

    def seal(self, plain: bytes, *, name: str) -> bytes:
        """Return `plain` encrypted and bound to `name` (AES-256-GCM): nonce, then ciphertext with its tag."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, plain, name.encode())

    def unseal(self, sealed: bytes, *, name: str) -> bytes | None:
        """Return what was sealed under `name`, or None where a third key sealed it or it was changed."""
        opened = (_opened(cipher, sealed, name) for cipher in self._ciphers)
        return next((plain for plain in opened if plain is not None), None)

    def resealed(self, sealed: bytes, *, name: str) -> bytes | None:
        """Return what the key before has sealed, sealed by the first one; None where there is nothing to do."""
        if _opened(self._ciphers[0], sealed, name) is not None:
            return None
        plain = self.unseal(sealed, name=name)
        return None if plain is None else self.seal(plain, name=name)


def _opened(cipher: AESGCM, sealed: bytes, name: str) -> bytes | None:
    try:
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
    except InvalidTag:
        return None


def kept_in(folder: Path) -> Kek:
    """Return the key of a data folder, made at the first call. Raises `KekUnusable`.

    The file appears whole or not at all, and of two processes that make it at once both use the same one.
    """
    file = folder / _FILE
    try:
        if not file.exists():
            _place(file, secrets.token_hex(_KEY_BYTES))
        text = file.read_text().strip()
    except (OSError, ValueError) as error:
        raise KekUnusable(
            f"{file} cannot be used ({error}): make it readable, or set NOVA_IDENTITY_KEK."
        ) from error
    if len(text) < _KEY_BYTES:
        raise KekUnusable(
            f"{file} is damaged: move it away (`mv {file} {file}.broken`), and new keys are made."
        )
    return Kek(text)


def _place(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        # A link, unlike a rename, never replaces what another process has just put there.
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)
    finally:
        draft.unlink()
