"""Valkey over TCP: the program that `nova up` runs on a socket."""

from collections.abc import Mapping
from typing import Any

from artifacts import run
from engine import Engine
from folder import HOST, Folder
from server import Server

from nova.app.engines.valkey import find_valkey

NAME = "redis"


class Redis(Engine):
    """The server."""

    def __init__(self, folder: Folder, pin: Mapping[str, Any]) -> None:  # noqa: ARG002 - the wheel's version is the lock's
        self._program = find_valkey()
        self._folder = folder.part(NAME)
        self._password = folder.secret(NAME)
        port = folder.port(79)
        said = run([str(self._program), "--version"], cwd=self._folder)
        super().__init__(
            Server("Valkey", self._folder, port),
            version=said.partition("v=")[2].split()[0],
            url=f"redis://{HOST}:{port}/0",
            environment={"NOVA_REDIS_URL": f"redis://:{self._password}@{HOST}:{port}/0"},
        )

    def start(self) -> None:
        """Start it, with an append-only file."""
        settings = self._folder / "valkey.conf"
        settings.touch(mode=0o600)
        settings.write_text(
            f"bind {HOST}\nport {self._server.port}\ndir {self._folder}\nrequirepass {self._password}\n"
            'appendonly yes\nsave ""\nmaxmemory 192mb\nmaxmemory-policy volatile-lru\n'
        )
        self._server.start([str(self._program), str(settings)])
