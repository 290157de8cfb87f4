"""Passwords of the rooms' roles on a server of the user's own: given in a folder, or kept in `secrets.json`."""

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from nova.app.engines.errors import FolderUnusable

PASSWORD_BYTES = 24


def role_passwords(file: Path, roles: Iterable[str]) -> dict[str, str]:
    """The password of each role: what `file` holds, and a new random one for a role that it lacks.

    The file is replaced in one step, so that a kill leaves the old or the new one. Raises FolderUnusable.
    """
    known = kept_passwords(file)
    try:
        missing = [role for role in roles if role not in known]
        if missing:
            known |= {role: secrets.token_urlsafe(PASSWORD_BYTES) for role in missing}
            replace_privately(file, json.dumps({"roles": known}, indent=1))
    except OSError as error:
        raise _unusable(file, error) from error
    return known


def given_passwords(folder: Path) -> dict[str, str]:
    """The passwords in `folder` (NOVA_POSTGRES_PASSWORDS), each in a file of its role's name. Raises FolderUnusable.

    So a process is given those of its own roles alone. The newline at the end of a file is no part of one. While a
    password is replaced there are two, a line each: whoever connects tries both (`nova.platform.db.link`).
    """
    try:
        return {
            file.name: "\n".join(file.read_text().splitlines()) for file in folder.iterdir() if file.is_file()
        }
    except (OSError, ValueError) as error:
        raise FolderUnusable(
            f"{folder} cannot be used ({error}): correct NOVA_POSTGRES_PASSWORDS."
        ) from error


def in_force(passwords: Mapping[str, str]) -> dict[str, str]:
    """The password that PostgreSQL is to know of each role: the first, where there are two."""
    return {role: lines.partition("\n")[0] for role, lines in passwords.items()}


def kept_passwords(file: Path) -> dict[str, str]:
    """The passwords that `file` holds by role; none where there is no such file. Raises FolderUnusable."""
    try:
        known = json.loads(file.read_text()) if file.exists() else {}
        return {str(role): str(password) for role, password in known["roles"].items()} if known else {}
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise _unusable(file, error) from error


def _unusable(file: Path, error: Exception) -> FolderUnusable:
    return FolderUnusable(
        f"{file} cannot be used ({type(error).__name__}): move it away (`mv {file} {file}.broken`); new "
        "passwords are made at the next start."
    )


def replace_privately(file: Path, text: str) -> None:
    """Write `text` to `file`, readable by its owner only from its first byte on."""
    draft = file.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
