"""PgBouncer in transaction mode, 1.21 or later: the system's, or built from Debian's source package.

Before 1.21 it does not know prepared statements, which asyncpg uses. Building takes a minute and installs nothing.
"""

import asyncio
import os
import platform
import re
import shutil
import signal
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from nova.app.engines.identity import choose_identity
from tools.engines.artifacts import Pin, check_file, is_of, note, put, run
from tools.engines.engine import Pinned
from tools.engines.failure import CannotHave
from tools.engines.folder import HOST, ROOT, Folder
from tools.engines.server import Server

NAME = "pgbouncer"
_OLDEST = (1, 21, 0)
_SETTINGS = """[databases]
* = host={host} port={primary} auth_user=nova

; The limits are those of production. What comes later has the last word.
{production}
listen_addr = {host}
listen_port = {port}
auth_file = {users}
auth_query = SELECT usename, passwd FROM pg_shadow WHERE usename = $1
; Who may ask it about its pools, as `nova bench storm` does.
stats_users = nova
"""
_PRODUCTION = ROOT / "deploy" / "pgbouncer" / "pgbouncer.ini"
_APT = """Dir::Etc::sourcelist "{list}";
Dir::Etc::sourceparts "-";
Dir::State::lists "{lists}";
Dir::Cache "{cache}";
APT::Sandbox::User "root";
"""
_SUITES = """deb [signed-by={key}] http://deb.debian.org/debian {own} main
deb-src [signed-by={key}] http://deb.debian.org/debian {source} main
"""
_KEY = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_CONFIGURE = ("--disable-evdns", "--without-cares", "--without-pam", "--without-systemd")


class PgBouncer(Pinned):
    """The pooler before the primary."""

    def __init__(self, folder: Folder, pin: Pin) -> None:
        self._folder = folder.part(NAME)
        self._settings, self._users = self._folder / "pgbouncer.ini", self._folder / "users.txt"
        self._password = folder.secret("postgres")
        self._primary = folder.port(32)
        port = folder.port(34)
        super().__init__(
            pin,
            # Since 1.23 it waits, after SIGTERM, until the last client has left by itself.
            Server("PgBouncer", self._folder, port, signal.SIGQUIT),
            url=f"postgresql://{HOST}:{port}",
            environment={
                "NOVA_POSTGRES_POOLER_URL": f"postgresql://nova:{self._password}@{HOST}:{port}/postgres"
            },
        )

    def _edition(self) -> str:
        on_path = _on_path()
        return super()._edition() if on_path is None else _dotted(_version(on_path))

    def _version(self) -> str:
        return _dotted(_version(_on_path() or self._built))

    def _command(self) -> list[str]:
        return [str(_on_path() or self._built), str(self._settings)]

    def _files(self) -> Mapping[Path, str]:
        settings = _SETTINGS.format(
            host=HOST, port=self._server.port, primary=self._primary, users=self._users,
            production=_PRODUCTION.read_text(),
        )  # fmt: skip
        return {self._settings: settings, self._users: f'"nova" "{self._password}"\n'}

    def _prepare(self) -> None:
        """Build it where the system has none."""
        if _on_path() is None and not is_of(self._pin, self._folder):
            with tempfile.TemporaryDirectory(dir=self._folder) as place:
                put(self._build(Path(place)), self._built)
            note(self._pin, self._folder)

    def _launched(self, command: Sequence[str]) -> Sequence[str]:
        """It refuses root, as PostgreSQL does."""
        return asyncio.run(choose_identity(self._folder)).launcher_argv(0, [*command])

    @property
    def _built(self) -> Path:
        return self._folder / NAME

    def _build(self, place: Path) -> Path:
        """Return the program that is built in `place`."""
        _require_debian()
        apt = _private_apt(place, self._pin["suite"])
        run(["apt-get", "update"], cwd=place, env=apt)
        told = run(["apt-cache", "showsrc", "--only-source", NAME], cwd=place, env=apt)
        package = package_of(self._pin, told)
        run(["apt-get", "source", "--download-only", f"{NAME}={package}"], cwd=place, env=apt)
        (archive,) = place.glob("*.orig.tar.gz")
        check_file(archive, self._pin["sha256"])
        with tarfile.open(archive) as packed:
            packed.extractall(place, filter="data")
        (source,) = place.glob(f"{NAME}-*/")
        flags = _libevent(place, apt)
        run(["./configure", *_CONFIGURE, *flags], cwd=source)
        run(["make", f"-j{os.cpu_count()}", NAME], cwd=source)
        return source / NAME


def package_of(pin: Pin, told: str) -> str:
    """Return the pinned source's version in Debian, of what `apt-cache` tells. Raises CannotHave where it is gone.

    Debian's own revisions, after the hyphen, leave the source of PgBouncer as it is.
    """
    there = re.findall(r"^Version: (\S+)$", told, re.MULTILINE)
    for package in there:
        if package.rpartition("-")[0] == pin["version"]:
            return str(package)
    raise CannotHave(
        f"Debian {pin['suite']} has PgBouncer {', '.join(there) or 'no more'} and not {pin['version']}: install "
        f"{_dotted(_OLDEST)} or later, or have pins.toml name what is there, with the SHA-256 of its .orig.tar.gz."
    )


def _on_path() -> Path | None:
    """Return the system's, where it has one that is new enough."""
    found = shutil.which(NAME)
    return Path(found) if found is not None and _version(Path(found)) >= _OLDEST else None


def _require_debian() -> None:
    """Raise CannotHave elsewhere: its source package is built against libraries of the same archive."""
    try:
        system = platform.freedesktop_os_release()["ID"]
    except OSError:
        system = "none"
    if system != "debian" or not _KEY.exists():
        raise CannotHave(
            f"Install PgBouncer {_dotted(_OLDEST)} or later: its source is built on Debian only."
        )


def _private_apt(place: Path, suite: str) -> dict[str, str]:
    """Return the environment of an apt with lists of its own, so that the system's stay as they are."""
    folders = {name: place / name for name in ("lists", "cache")}
    for folder, inner in ((folders["lists"], "partial"), (folders["cache"], "archives/partial")):
        (folder / inner).mkdir(parents=True)
    listed, settings = place / "suites.list", place / "apt.conf"
    own = platform.freedesktop_os_release()["VERSION_CODENAME"]
    listed.write_text(_SUITES.format(key=_KEY, own=own, source=suite))
    settings.write_text(_APT.format(list=listed, **folders))
    return {**os.environ, "APT_CONFIG": str(settings)}


def _libevent(place: Path, apt: Mapping[str, str]) -> list[str]:
    """Return how `configure` finds libevent: the system's, else its package unpacked beside the source."""
    if (
        shutil.which("pkg-config")
        and subprocess.run(["pkg-config", "--exists", "libevent"], check=False).returncode == 0
    ):
        return []
    run(["apt-get", "download", "libevent-dev"], cwd=place, env=apt)
    (package,) = place.glob("libevent-dev_*.deb")
    root = place / "libevent"
    run(["dpkg-deb", "-x", str(package), str(root)], cwd=place)
    (folder,) = root.glob("usr/lib/*/")
    return [f"LIBEVENT_CFLAGS=-I{root / 'usr' / 'include'}", f"LIBEVENT_LIBS={folder / 'libevent.a'}"]


def _version(program: Path) -> tuple[int, ...]:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"PgBouncer (\d+)\.(\d+)\.(\d+)", said)
    return tuple(map(int, found.groups())) if found else (0,)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
