"""Fetching what the engines are made of, by each registry's own client, and checking it against `pins.toml`."""

import hashlib
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from failure import CannotHave

PINS = Path(__file__).with_name("pins.toml")
PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin"
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>nova</groupId><artifactId>engine</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>{}</dependencies></project>
"""
_DEPENDENCY = (
    """<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"""
)


def pins() -> dict[str, Any]:
    """Return what is pinned."""
    return tomllib.loads(PINS.read_text())


def jars(pin: Mapping[str, Any], folder: Path) -> Path:
    """Return the folder with the jars of an engine, fetched by Maven unless they are all there, and checked."""
    lib = folder / "lib"
    if not (folder / ".checked").exists():
        fetch_jars(pin["maven"], lib)
        check(lib, pin["sha256"])
        (folder / ".checked").touch()
    return lib


def fetch_jars(coordinates: Sequence[str], lib: Path) -> None:
    """Have Maven resolve coordinates (group:artifact:version) and put the jars into `lib`."""
    if shutil.which("mvn") is None:
        raise CannotHave("Maven is missing: install it (Debian: `apt install maven`), with Java 17 or later.")
    shutil.rmtree(lib, ignore_errors=True)
    with tempfile.TemporaryDirectory() as place:
        dependencies = "".join(_DEPENDENCY.format(*one.split(":")) for one in coordinates)
        Path(place, "pom.xml").write_text(_POM.format(dependencies))
        goal = f"{PLUGIN}:{pins()['maven']['dependency-plugin']}:copy-dependencies"
        run(["mvn", "-q", "-B", goal, "-DincludeScope=runtime", f"-DoutputDirectory={lib}"], cwd=Path(place))


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
    """Run a command to its end and return what it said. Raises CannotHave with its last words."""
    done = subprocess.run(command, cwd=cwd, env=env, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:] or ["it gave no reason"]
        raise CannotHave(f"`{' '.join(command[:4])} …` failed: {said[0]}")
    return done.stdout
