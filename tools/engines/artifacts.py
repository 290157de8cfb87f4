"""Fetching what the engines are made of, by each registry's own client, and checking it against `pins.toml`."""

import hashlib
import json
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from tools.engines.failure import CannotHave

PINS = Path(__file__).with_name("pins.toml")
PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin"
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>nova</groupId><artifactId>engine</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>{}</dependencies></project>
"""
_DEPENDENCY = (
    """<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"""
)
Pin: TypeAlias = Mapping[str, Any]
"""What `pins.toml` says of one engine: its version, where it is from, the SHA-256 of its artifacts."""


def pins() -> dict[str, Any]:
    """Return what is pinned."""
    return tomllib.loads(PINS.read_text())


def digest(pin: Pin) -> str:
    """Return one word for a pin: another one for any other."""
    return hashlib.sha256(json.dumps(pin, sort_keys=True).encode()).hexdigest()


def is_of(pin: Pin, folder: Path) -> bool:
    """Return whether what lies in the folder of an engine was fetched, and checked, for this pin."""
    noted = folder / ".checked"
    return noted.exists() and noted.read_text() == digest(pin)


def note(pin: Pin, folder: Path) -> None:
    """Write down that what lies in the folder of an engine is of this pin."""
    (folder / ".checked").write_text(digest(pin))


def put(draft: Path, place: Path) -> None:
    """Put a file or folder that is whole in the place of the one before. What a link leads to stays as it is."""
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
    draft.rename(place)


def jars(pin: Pin, folder: Path) -> Path:
    """Return the folder with the jars of an engine, fetched by Maven unless they are all there, and checked."""
    lib = folder / "lib"
    if not is_of(pin, folder):
        draft = folder / "lib.draft"
        fetch_jars(pin["maven"], draft)
        check(draft, pin["sha256"])
        put(draft, lib)
        note(pin, folder)
    return lib


def fetch_jars(coordinates: Sequence[str], lib: Path) -> None:
    """Have Maven resolve coordinates (group:artifact:version) and put the jars into `lib`."""
    require_maven()
    shutil.rmtree(lib, ignore_errors=True)
    with tempfile.TemporaryDirectory() as place:
        dependencies = "".join(_DEPENDENCY.format(*one.split(":")) for one in coordinates)
        Path(place, "pom.xml").write_text(_POM.format(dependencies))
        goal = f"{PLUGIN}:{pins()['maven']['dependency-plugin']}:copy-dependencies"
        run(["mvn", "-q", "-B", goal, "-DincludeScope=runtime", f"-DoutputDirectory={lib}"], cwd=Path(place))


def require_maven() -> None:
    """Raise CannotHave without Maven."""
    if shutil.which("mvn") is None:
        raise CannotHave("Maven is missing: install it (Debian: `apt install maven`), with Java 17 or later.")


def check(folder: Path, sums: Mapping[str, str]) -> None:
    """Raise CannotHave unless `folder` holds just the files of `sums`, with those SHA-256."""
    found = {file.name: sha256(file) for file in folder.iterdir()}
    if found != dict(sums):
        wrong = sorted(name for name in found.keys() | sums.keys() if found.get(name) != sums.get(name))
        raise CannotHave(
            f"{folder} is not what pins.toml says: {', '.join(wrong[:5])}. Remove it and try again."
        )


def check_file(file: Path, wanted: str) -> None:
    """Raise CannotHave unless `file` has this SHA-256."""
    if sha256(file) != wanted:
        raise CannotHave(f"{file.name} is not what pins.toml says.")


def sha256(file: Path) -> str:
    """Return the checksum of a file."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def run(command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Run a command to its end and return what it said. Raises CannotHave with its last words, or without it."""
    try:
        done = subprocess.run(command, cwd=cwd, env=env, text=True, capture_output=True, check=False)
    except FileNotFoundError:
        raise CannotHave(f"`{command[0]}` is missing: install it.") from None
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:] or ["it gave no reason"]
        raise CannotHave(f"`{' '.join(command[:4])} …` failed: {said[0]}")
    return done.stdout
