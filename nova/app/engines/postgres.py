"""The embedded PostgreSQL: make its cluster once, start it, wait until it answers, stop it.

It listens on a Unix socket only, whose folder is closed to others (0700): that is why local connections are
trusted. Durability is asked for on the command line, which wins over any file, and asserted after the start.
"""

import asyncio
import os
import shutil
import signal
import stat
import sys
import time
from pathlib import Path
from urllib.parse import quote

import asyncpg

from nova.app.engines.errors import ClusterBroken, EngineDown, EngineUnsafe, FolderUnusable
from nova.app.engines.postgres_find import PostgresPrograms, find_postgres
from nova.app.engines.process import EngineProcess, Identity, end_leftovers, namespaces_allowed, run_to_end

ADMIN = "nova"
PORT = 5432
SOCKET = f".s.PGSQL.{PORT}"
START_WAIT_S = 60.0
STOP_WAIT_S = 20.0
NOBODY = 65534
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
SETTINGS = {
    **DURABLE,
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "wal_level": "logical",
    "max_connections": "200",
    # The whole platform with its engines stays below 1 GiB: the kernel's page cache does the rest.
    "shared_buffers": "64MB",
    "maintenance_work_mem": "32MB",
    "effective_cache_size": "512MB",
    "max_wal_size": "512MB",
    "huge_pages": "off",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The log says how the server fares. SQL errors go to the client, which reports them; their texts and
    # statements hold people's data and stay out of files.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}


def socket_dsn(run: Path, role: str, database: str) -> str:
    """A DSN over the Unix socket in `run`, as asyncpg and libpq read it."""
    return (
        f"postgresql://{quote(role, safe='')}@/{quote(database, safe='')}?host={quote(str(run))}&port={PORT}"
    )


async def assert_durable(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Raise EngineUnsafe if the server could lose what it acknowledged."""
    for name, wanted in DURABLE.items():
        value = await connection.fetchval("select current_setting($1)", name)
        if value != wanted:
            raise EngineUnsafe(
                f"PostgreSQL runs with {name}={value}, which loses acknowledged writes: set {name}={wanted} "
                "in its configuration and restart it."
            )


class PostgresServer:
    """The server of the cluster in `folder`, its socket in `run`, its log in `log`."""

    def __init__(self, *, folder: Path, run: Path, log: Path) -> None:
        self.folder = folder
        self.run = run
        self._log = log
        self._process: EngineProcess | None = None

    @property
    def process(self) -> EngineProcess:
        """The running postmaster. Raises EngineDown when there is none."""
        if self._process is None:
            raise EngineDown("PostgreSQL is not running.")
        return self._process

    async def start(self) -> None:
        """Start, making the cluster first where there is none. Returns when the server answers.

        Raises EngineMissing, EngineDown, EngineUnsafe, ClusterBroken, FolderUnusable.
        """
        await end_leftovers(self.folder, self.folder / "postmaster.pid")
        programs = await asyncio.to_thread(find_postgres, self._cluster_major())
        identity = await self._identity()
        if not self.folder.exists():
            await self._make_cluster(programs, identity)
        self._check_cluster(programs)
        if identity.mode == "setuid":
            os.chown(self.run, identity.uid, identity.gid)
        self._remove_stale_pid_file()
        settings = {**SETTINGS, "unix_socket_directories": str(self.run)}
        flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
        self._process = await EngineProcess.start(
            "PostgreSQL",
            [programs.postgres, "-D", str(self.folder), *flags],
            log=self._log,
            stop_signal=signal.SIGINT,
            identity=identity,
        )
        try:
            await self._ready(self._process)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End it with a fast shutdown: clients are cut, a checkpoint is written. No-op when it is not running."""
        if self._process is not None:
            await self._process.stop(grace_s=STOP_WAIT_S)
            self._process = None

    def _cluster_major(self) -> int | None:
        """The version that made the cluster, None where there is no cluster yet."""
        if not self.folder.exists():
            return None
        try:
            return int((self.folder / "PG_VERSION").read_text())
        except (OSError, ValueError):
            raise ClusterBroken(
                f"{self.folder} is not a PostgreSQL cluster (its PG_VERSION cannot be read): move it away to start "
                f"afresh (`mv {self.folder} {self.folder}.broken`), or choose another folder with --data."
            ) from None

    async def _identity(self) -> Identity:
        """As whom to run. PostgreSQL refuses root, so root runs it as the folder's owner or in a namespace."""
        owner = (self.folder if self.folder.exists() else self.folder.parent).stat()
        if os.geteuid() != 0:
            if owner.st_uid != os.geteuid():
                raise FolderUnusable(
                    f"{self.folder} belongs to user {owner.st_uid} and you are user {os.geteuid()}: run as its "
                    "owner, or choose another folder with --data."
                )
            return Identity()
        if owner.st_uid != 0:
            return Identity(mode="setuid", uid=owner.st_uid, gid=owner.st_gid)
        if sys.platform.startswith("linux") and await namespaces_allowed():
            return Identity(mode="namespace")
        return Identity(mode="setuid", uid=NOBODY, gid=NOBODY)

    async def _make_cluster(self, programs: PostgresPrograms, identity: Identity) -> None:
        """Make the cluster beside its place and move it there when whole, so that a kill leaves no half of one."""
        if identity.mode == "setuid":
            require_passage(programs.folder)
            require_passage(self.folder.parent)
        draft = self.folder.with_name(self.folder.name + ".draft")
        if draft.exists():
            await asyncio.to_thread(shutil.rmtree, draft)
        draft.mkdir(mode=0o700)
        if identity.mode == "setuid":
            os.chown(draft, identity.uid, identity.gid)
        # Written through to the disk: 0.1 s more than --no-sync, once in the life of the folder.
        command = [
            programs.initdb,
            "-D",
            str(draft),
            "-U",
            ADMIN,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-instructions",
        ]
        code, said = await run_to_end(identity, [*command, *locale_flags(programs.major)])
        if code != 0:
            raise EngineDown(
                f"PostgreSQL could not make a cluster in {draft}: {last_line(said)}. Free space or choose another "
                "folder with --data, then start again."
            )
        draft.rename(self.folder)

    def _check_cluster(self, programs: PostgresPrograms) -> None:
        """Raise ClusterBroken where the programs found cannot run the cluster."""
        major = self._cluster_major()
        if major != programs.major:
            raise ClusterBroken(
                f"{self.folder} was made by PostgreSQL {major} and this is {programs.major} ({programs.source}): "
                f"install PostgreSQL {major} beside it, or choose another folder with --data."
            )

    def _remove_stale_pid_file(self) -> None:
        """Remove what kill -9 left. `end_leftovers` has made sure that nobody works in the folder, and the
        data folder's lock that nobody starts to; another process may have that pid by now.
        """
        (self.folder / "postmaster.pid").unlink(missing_ok=True)

    async def _ready(self, process: EngineProcess) -> None:
        """Wait for line 8 of postmaster.pid to say `ready` (crash recovery comes before it), then assert settings."""
        deadline = time.monotonic() + START_WAIT_S
        while not self._says_ready(process.pid):
            if process.exit_code is not None:
                raise EngineDown(f"PostgreSQL did not start: {process.last_words()} (see {process.log}).")
            if time.monotonic() > deadline:
                raise EngineDown(f"PostgreSQL is not ready after {START_WAIT_S:.0f} s: see {process.log}.")
            await asyncio.sleep(0.01)
        connection = await asyncpg.connect(socket_dsn(self.run, ADMIN, "postgres"))
        try:
            await assert_durable(connection)
        finally:
            await connection.close()

    def _says_ready(self, pid: int) -> bool:
        try:
            lines = (self.folder / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def locale_flags(major: int) -> list[str]:
    """UTF-8 everywhere, sorted by code point, the same on every machine.

    From 17 on PostgreSQL's own provider does it. The ctype matters all the same: without it pg_trgm finds no
    trigrams in Chinese. macOS has no C.UTF-8; its UTF-8 ctype is called en_US.UTF-8.
    """
    ctype = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
    flags = ["--locale=C", f"--lc-ctype={ctype}"]
    return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", *flags] if major >= 17 else flags


def require_passage(folder: Path) -> None:
    """Raise FolderUnusable where another user cannot pass to `folder`."""
    for place in (folder.resolve(), *folder.resolve().parents):
        if not place.stat().st_mode & stat.S_IXOTH:
            raise FolderUnusable(
                f"PostgreSQL does not run as root, user namespaces are refused here, and {place} is closed to other "
                "users: run Nova as an ordinary user, or use folders that every user can enter (--data /srv/nova)."
            )


def last_line(said: str) -> str:
    """The last line that is not empty, without its final stop."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "no reason given"
