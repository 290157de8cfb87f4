"""PostgreSQL over TCP with a streaming replica: the programs that `nova up` runs on a socket."""

import asyncio
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from artifacts import run
from engine import Engine
from folder import HOST, Folder
from server import Server

from nova.app.engines.identity import Identity, choose_identity
from nova.app.engines.postgres import locale_flags
from nova.app.engines.postgres_find import find_postgres

NAME = "postgres"
REPLICA = "replica"
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


class Postgres(Engine):
    """The primary. As root it runs in a namespace, as that of `nova up` does: PostgreSQL refuses root."""

    name, offset, variable = NAME, 32, "NOVA_POSTGRES_URL"
    stop_signal = signal.SIGINT

    def __init__(self, folder: Folder, pin: Mapping[str, Any]) -> None:  # noqa: ARG002 - the wheel's version is the lock's
        self._programs = find_postgres()
        self._folder = folder.part(self.name)
        self._password = folder.secret(NAME)
        self._primary_port = folder.port(Postgres.offset)
        port = folder.port(self.offset)
        super().__init__(
            Server(f"PostgreSQL ({self.name})", self._folder, port),
            version=str(self._programs.major),
            url=f"postgresql://{HOST}:{port}",
            environment={self.variable: f"postgresql://nova:{self._password}@{HOST}:{port}/postgres"},
        )

    def start(self) -> None:
        """Make the cluster once, and start it."""
        data = self._folder / "data"
        identity = asyncio.run(choose_identity(self._folder))
        if not (data / "PG_VERSION").exists():
            shutil.rmtree(data, ignore_errors=True)
            data.mkdir(mode=0o700)
            identity.own(data)
            self._make(data, identity)
        if not self._server.is_up():
            (data / "postmaster.pid").unlink(missing_ok=True)
        settings = {**_SETTINGS, "port": str(self._server.port)}
        flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
        self._server.start(
            self._as(identity, [self._programs.postgres, "-D", str(data), *flags]), {"LC_ALL": "C"}
        )

    def _make(self, data: Path, identity: Identity) -> None:
        password = self._folder / "password"
        password.touch(mode=0o600)
        password.write_text(self._password)
        identity.own(password)
        flags = ["-U", "nova", "-A", "scram-sha-256", f"--pwfile={password}", "-E", "UTF8"]
        initdb = [self._programs.initdb, "-D", str(data), *flags, *locale_flags(self._programs.major)]
        run(self._as(identity, initdb), cwd=self._folder)
        password.unlink()

    @staticmethod
    def _as(identity: Identity, command: list[str]) -> list[str]:
        return identity.launcher_argv(0, command)


class Replica(Postgres):
    """A read replica that follows the primary's stream."""

    name, offset, variable = REPLICA, 33, "NOVA_POSTGRES_REPLICA_URL"

    def _make(self, data: Path, identity: Identity) -> None:
        source = f"postgresql://nova:{self._password}@{HOST}:{self._primary_port}/postgres"
        program = str(self._programs.folder / "pg_basebackup")
        run(
            self._as(identity, [program, "-d", source, "-D", str(data), "-R", "-c", "fast"]), cwd=self._folder
        )
