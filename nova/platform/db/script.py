"""Migration files: their names, their two halves, and the statements in them."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nova.platform.errors import FailedPrecondition

_NAME = re.compile(r"^(\d{4})_([a-z0-9_]+)\.(expand|contract)\.sql$")
_DOWN = re.compile(r"^-- down:[ \t]*$", re.MULTILINE)
_NO_TRANSACTION = re.compile(r"\A-- no transaction[ \t]*$", re.MULTILINE)
# Comments, strings, quoted names and dollar quotes: within them a semicolon ends nothing (PostgreSQL 4.1.2,
# 4.1.5).
_TOKEN = re.compile(
    r"""--[^\n]*|/\*.*?\*/|E'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$\w*\$).*?\1|;""",
    re.DOTALL | re.IGNORECASE,
)
_SPACE = re.compile(r"\s+")


class BadMigration(FailedPrecondition):
    """A migration file breaks a rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file. `number` orders; `up` and `down` are SQL; `checksum` is of the whole file."""

    number: int
    name: str
    kind: Literal["expand", "contract"]
    up: str
    down: str | None
    in_transaction: bool
    checksum: str
    path: Path

    @property
    def label(self) -> str:
        """Return `0001_likes.expand`, as the table of migrations knows it."""
        return f"{self.number:04}_{self.name}.{self.kind}"


def read_folder(folder: Path) -> list[Migration]:
    """Return the migrations of `folder` in order. Raises `BadMigration` for a wrong or a repeated number."""
    migrations = [read_file(path) for path in sorted(folder.glob("*.sql"))]
    seen: dict[int, str] = {}
    for migration in migrations:
        if migration.number in seen:
            raise BadMigration(f"{migration.path.name} and {seen[migration.number]} have the same number.")
        seen[migration.number] = migration.path.name
    return migrations


def read_file(path: Path) -> Migration:
    """Return the migration in one file."""
    match = _NAME.match(path.name)
    if match is None:
        raise BadMigration(
            f"{path.name}: a migration is called NNNN_name.expand.sql or NNNN_name.contract.sql."
        )
    text = path.read_text(encoding="utf-8")
    halves = _DOWN.split(text)
    if len(halves) > 2:
        raise BadMigration(f"{path.name}: there is more than one `-- down:` line.")
    return Migration(
        number=int(match[1]),
        name=match[2],
        kind="expand" if match[3] == "expand" else "contract",
        up=halves[0],
        down=halves[1] if len(halves) == 2 else None,
        in_transaction=_NO_TRANSACTION.match(text) is None,
        checksum=hashlib.sha256(text.encode()).hexdigest(),
        path=path,
    )


def statements(script: str) -> list[str]:
    """Return the statements of a script, without their semicolons; empty ones are left out."""
    found: list[str] = []
    start = 0
    for token in _TOKEN.finditer(script):
        if token[0] == ";":
            found.append(script[start : token.start()].strip())
            start = token.end()
    found.append(script[start:].strip())
    return [statement for statement in found if skeleton(statement)]


def skeleton(statement: str) -> str:
    """Return a statement as the checker reads it: no comments, empty strings, one space, upper case."""
    return _SPACE.sub(" ", _TOKEN.sub(_blank, statement)).strip().upper()


def _blank(token: re.Match[str]) -> str:
    text = token[0]
    if text.startswith(("--", "/*")):
        return " "
    if text.startswith('"'):
        return text.strip('"')
    return text if text == ";" else "''"
