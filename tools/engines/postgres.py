"""PostgreSQL over TCP with a streaming replica: the programs that `nova up` runs on a socket."""

import asyncio
import shutil
import signal
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import asyncpg

from nova.app.engines.identity import Identity, choose_identity
from nova.app.engines.leftovers import end_leftovers
from nova.app.engines.postgres import locale_flags
from nova.app.engines.postgres_find import find_postgres
from tools.engines.artifacts import Pin, put, run
from tools.engines.engine import Engine
from tools.engines.failure import CannotHave
from tools.engines.folder import HOST, Folder
from tools.engines.server import Server, answers, wait

NAME = "postgres"
REPLICA = "replica"
FOLLOW_S = 30.0
_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "wal_level": "logical",
    "max_wal_senders": "8",
    "hot_standby": "on",
    "timezone": "UTC",
}
_FOLLOWERS = (
    "SELECT count(*) FROM pg_stat_replication WHERE application_name = 'walreceiver' AND state = 'streaming'"
)


class Postgres(Engine):
    """The primary. As root it runs in a namespace, as that of `nova up` does: PostgreSQL refuses root."""

    name, offset, variable = NAME, 32, "NOVA_POSTGRES_URL"
    env: ClassVar = {"LC_ALL": "C"}

    def __init__(self, folder: Folder, pin: Pin) -> None:  # noqa: ARG002 - the wheel's version is the lock's
        self._folder = folder.part(self.name)
        self._data = self._folder / "data"
        self._password = folder.secret(NAME)
        self._primary_port = folder.port(Postgres.offset)
        port = folder.port(self.offset)
        super().__init__(
            Server(f"PostgreSQL ({self.name})", self._folder, port, signal.SIGINT),
            url=f"postgresql://{HOST}:{port}",
            environment={self.variable: self._dsn(port)},
        )

    def _dsn(self, port: int) -> str:
        return f"postgresql://nova:{self._password}@{HOST}:{port}/postgres"

    def _edition(self) -> str:
        said = run([find_postgres().postgres, "--version"], cwd=self._folder)
        return said.partition("(PostgreSQL)")[2].split()[0]

    def _command(self) -> list[str]:
        settings = {**_SETTINGS, "port": str(self._server.port)}
        flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
        return [find_postgres().postgres, "-D", str(self._data), *flags]

    def _prepare(self) -> None:
        """Make the cluster once. A killed server's pid file goes: its number may be another process's by now."""
        pid_file = self._data / "postmaster.pid"
        asyncio.run(end_leftovers(self._data, pid_file, signal.SIGINT))
        pid_file.unlink(missing_ok=True)
        if not (self._data / "PG_VERSION").exists():
            draft = self._data.with_suffix(".draft")
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(mode=0o700)
            self._identity.own(draft)
            self._make(draft)
            put(draft, self._data)

    def _make(self, data: Path) -> None:
        programs = find_postgres()
        password = self._folder / "password"
        password.touch(mode=0o600)
        password.write_text(self._password)
        self._identity.own(password)
        flags = ["-U", "nova", "-A", "scram-sha-256", f"--pwfile={password}", "-E", "UTF8"]
        initdb = [programs.initdb, "-D", str(data), *flags, *locale_flags(programs.major)]
        run(self._launched(initdb), cwd=self._folder)
        password.unlink()

    def _is_ready(self) -> bool:
        """Line 8 of postmaster.pid says so: the port answers from the first moment of a recovery on."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def _launched(self, command: Sequence[str]) -> Sequence[str]:
        return self._identity.launcher_argv(0, [*command])

    @cached_property
    def _identity(self) -> Identity:
        return asyncio.run(choose_identity(self._folder))


class Replica(Postgres):
    """A read replica that follows the primary's stream."""

    name, offset, variable = REPLICA, 33, "NOVA_POSTGRES_REPLICA_URL"

    def start(self) -> str:
        """Start it, and copy the primary anew where it cannot follow: what it lacks is no longer kept there.

        *A slot* would have the primary keep all that a replica has missed which nobody starts again.
        """
        version = super().start()
        if answers(self._primary_port):
            try:
                self._wait_until_followed()
            except CannotHave:
                self.stop()
                shutil.rmtree(self._data)
                version = super().start()
                self._wait_until_followed()
        return version

    def _wait_until_followed(self) -> None:
        why = f"The replica does not follow the primary: see {self._folder / 'log'}"
        wait(self._is_followed, lambda: True, why, within_s=FOLLOW_S)

    async def _is_followed(self) -> bool:
        """Return whether the primary says so: what the replica says of itself begins before it has asked."""
        try:
            connection = await asyncpg.connect(self._dsn(self._primary_port))
        except (OSError, asyncpg.PostgresError):
            return False  # it starts
        try:
            return bool(await connection.fetchval(_FOLLOWERS))
        finally:
            await connection.close()

    def _make(self, data: Path) -> None:
        program = str(find_postgres().folder / "pg_basebackup")
        source = self._dsn(self._primary_port)
        copy = [program, "-d", source, "-D", str(data), "-R", "-c", "fast"]
        run(self._launched(copy), cwd=self._folder)
