"""Valkey over TCP: the program that `nova up` runs on a socket."""

from collections.abc import Mapping
from pathlib import Path

from nova.app.engines.valkey import find_valkey
from tools.engines.artifacts import Pin, run
from tools.engines.engine import Engine
from tools.engines.folder import HOST, Folder
from tools.engines.server import Server

NAME = "redis"


class Redis(Engine):
    """The server."""

    def __init__(self, folder: Folder, pin: Pin) -> None:  # noqa: ARG002 - the wheel's version is the lock's
        self._folder = folder.part(NAME)
        self._settings = self._folder / "valkey.conf"
        self._password = folder.secret(NAME)
        port = folder.port(79)
        super().__init__(
            Server("Valkey", self._folder, port),
            url=f"redis://{HOST}:{port}/0",
            environment={"NOVA_REDIS_URL": f"redis://:{self._password}@{HOST}:{port}/0"},
        )

    def _edition(self) -> str:
        return run([str(find_valkey()), "--version"], cwd=self._folder).partition("v=")[2].split()[0]

    def _command(self) -> list[str]:
        return [str(find_valkey()), str(self._settings)]

    def _files(self) -> Mapping[Path, str]:
        return {
            self._settings: f"bind {HOST}\nport {self._server.port}\ndir {self._folder}\n"
            f'requirepass {self._password}\nappendonly yes\nsave ""\n'
            "maxmemory 192mb\nmaxmemory-policy volatile-lru\n"
        }
