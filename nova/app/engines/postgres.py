"""The embedded PostgreSQL: make its cluster once, start it, wait until it answers, stop it.

It listens on a Unix socket only, whose folder is closed to others (0700): that is why local connections are
trusted. Durability is asked for on the command line, which wins over any file, and asserted after the start.
"""

import asyncio
import shutil
import signal
import sys
from pathlib import Path
from urllib.parse import quote

import asyncpg

from nova.app.engines.errors import ClusterBroken, EngineDown, EngineUnsafe
from nova.app.engines.identity import Identity, choose_identity
from nova.app.engines.leftovers import end_leftovers, sees_processes
from nova.app.engines.postgres_find import PostgresPrograms, find_postgres
from nova.app.engines.process import EngineProcess, last_line, run_to_end
from nova.app.engines.server import EngineServer

ADMIN = "nova"
PORT = 5432
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
SETTINGS = {
    **dict.fromkeys(DURABLE, "on"),
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
    """Raise EngineUnsafe if the server could lose what it acknowledged.

    `synchronous_commit` has safe values beside `on`: all but `off` wait for the local disk.
    """
    for name in DURABLE:
        if await connection.fetchval("select current_setting($1)", name) == "off":
            raise EngineUnsafe(
                f"PostgreSQL runs with {name}=off, which loses acknowledged writes: set {name}=on in its "
                "configuration and restart it."
            )


class PostgresServer(EngineServer):
    """The server of the cluster in `folder`.

    Starting raises EngineMissing, EngineDown, EngineUnsafe, ClusterBroken or FolderUnusable. Stopping is a
    fast shutdown: clients are cut, a checkpoint is written.
    """

    name = "PostgreSQL"
    start_wait_s = 60.0  # crash recovery comes before the first answer

    async def _launch(self) -> EngineProcess:
        pid_file = self.folder / "postmaster.pid"
        await end_leftovers(self.folder, pid_file, signal.SIGINT)
        major = cluster_major(self.folder)
        programs = await asyncio.to_thread(find_postgres, major)
        identity = await choose_identity(self.folder)
        identity.require_passage(programs.folder)
        identity.require_passage(self.folder.parent)
        if major is None:
            await make_cluster(self.folder, programs, identity)
        elif major != programs.major:
            raise ClusterBroken(
                f"{self.folder} was made by PostgreSQL {major} and this is {programs.major} "
                f"({programs.source}): install PostgreSQL {major} beside it, or choose another folder with "
                "--data."
            )
        identity.own(self.run)
        if sees_processes():
            # Nobody works here, and the lock of the data folder keeps others out: a pid file is a dead
            # server's. Its number may be another process's by now, which PostgreSQL would take for a server.
            pid_file.unlink(missing_ok=True)
        settings = {**SETTINGS, "unix_socket_directories": str(self.run)}
        flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
        command = [programs.postgres, "-D", str(self.folder), *flags]
        return await EngineProcess.start(
            self.name, command, log=self.log, stop_signal=signal.SIGINT, identity=identity
        )

    async def _is_ready(self, process: EngineProcess) -> bool:
        """Line 8 of postmaster.pid says `ready`, and the settings are those that were asked for."""
        try:
            lines = (self.folder / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        if len(lines) < 8 or lines[0] != str(process.pid) or lines[7].strip() != "ready":
            return False
        try:
            connection = await asyncpg.connect(socket_dsn(self.run, ADMIN, "postgres"))
            try:
                await assert_durable(connection)
            finally:
                await connection.close()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False  # it ended at this very moment, as the next look at its process shows
        return True

    def _way_out(self) -> str:
        return f"To start afresh: `mv {self.folder} {self.folder}.broken`, then start again."


def cluster_major(folder: Path) -> int | None:
    """The version that made the cluster, None where there is none yet. Raises ClusterBroken."""
    if not folder.exists():
        return None
    try:
        return int((folder / "PG_VERSION").read_text())
    except (OSError, ValueError):
        raise ClusterBroken(
            f"{folder} is not a PostgreSQL cluster (no PG_VERSION in it can be read): move it away to start "
            f"afresh (`mv {folder} {folder}.broken`), or choose another folder with --data."
        ) from None


async def make_cluster(folder: Path, programs: PostgresPrograms, identity: Identity) -> None:
    """Make the cluster beside its place and move it there when it is whole: a kill leaves no half of one.

    Written through to the disk, which costs 0.1 s more than `--no-sync`, once in the life of the folder.
    Raises EngineDown with initdb's reason.
    """
    draft = folder.with_name(folder.name + ".draft")
    await end_leftovers(draft, draft / "postmaster.pid", signal.SIGQUIT)
    if draft.exists():
        await asyncio.to_thread(shutil.rmtree, draft)
    draft.mkdir(mode=0o700)
    identity.own(draft)
    flags = ["-U", ADMIN, "-A", "trust", "-E", "UTF8", "--no-instructions", *locale_flags(programs.major)]
    code, said = await run_to_end(identity, [programs.initdb, "-D", str(draft), *flags])
    if code != 0:
        raise EngineDown(
            f"PostgreSQL could not make its cluster in {draft}: {last_reason(said)}. Mend that, or choose "
            "another folder with --data, then start again."
        )
    draft.rename(folder)


def locale_flags(major: int) -> list[str]:
    """UTF-8 everywhere, sorted by code point, the same on every machine.

    From 17 on PostgreSQL's own provider does it. The ctype matters all the same: without it pg_trgm finds no
    trigrams in Chinese. macOS has no C.UTF-8; its UTF-8 ctype is called en_US.UTF-8.
    """
    ctype = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
    flags = ["--locale=C", f"--lc-ctype={ctype}"]
    return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", *flags] if major >= 17 else flags


def last_reason(said: str) -> str:
    """The last line of initdb that gives a reason: after it come lines about cleaning up."""
    reasons = [line for line in said.splitlines() if "error:" in line or "FATAL" in line or "launch:" in line]
    return last_line("\n".join(reasons) or said)
