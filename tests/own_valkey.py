"""A Valkey of one's own, to be killed, frozen and brought back in the middle of a test."""

import asyncio
import secrets
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Literal

from nova.app.engines.valkey import find_valkey
from nova.app.ports import free_range
from tests.waiting import until

Way = Literal["unix", "tcp"]
"""How a server is reached: on a Unix socket, as `nova up` does, or over TCP with a password, as others do."""
_HOST = "127.0.0.1"


class OwnValkey:
    """A server on a Unix socket in `folder`, which must be short enough for one, or at a `port` of the loopback.

    Its data survive a kill.
    """

    def __init__(self, folder: Path, *, port: int | None = None, password: str | None = None) -> None:
        self._folder = folder
        self._socket = folder / "s"
        self._port = port
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is; on a socket without the password, which has several ways to stand there."""
        if self._port is None:
            return f"unix://{self._socket}"
        return f"redis://:{self._password or ''}@{_HOST}:{self._port}"

    async def start(self, *options: str) -> None:
        """Start it, with what it last wrote to its append-only file; returns when it answers."""
        self._spawn(options)
        await until(self._answers)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Stop it where it stands: connections stay open, nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _spawn(self, options: tuple[str, ...]) -> None:
        self._socket.unlink(missing_ok=True)
        listens = ["--port", "0", "--unixsocket", str(self._socket)]
        if self._port is not None:
            listens = ["--port", str(self._port), "--bind", _HOST]
        secret = ["--requirepass", self._password] if self._password else []
        self._process = subprocess.Popen(
            [
                *(str(find_valkey()), *listens, "--dir", str(self._folder)),
                *("--appendonly", "yes", "--appendfsync", "always", "--save", "", *secret, *options),
            ],
            stdout=subprocess.DEVNULL,
        )

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    async def _answers(self) -> bool:
        try:
            if self._port is None:
                reader, writer = await asyncio.open_unix_connection(self._socket)
            else:
                reader, writer = await asyncio.open_connection(_HOST, self._port)
        except OSError:
            return False
        try:
            writer.write(b"PING\r\n")
            return (await reader.readline()).startswith((b"+PONG", b"-NOAUTH"))
        finally:
            writer.close()
            await writer.wait_closed()


@asynccontextmanager
async def own_valkey(way: Way = "unix") -> AsyncIterator[OwnValkey]:
    """Run one for the length of the block."""
    with tempfile.TemporaryDirectory(prefix="nv-") as folder, ExitStack() as held:
        server = OwnValkey(Path(folder))
        if way == "tcp":
            guard = held.enter_context(_guard())
            port = guard.getsockname()[1] + 1
            server = OwnValkey(Path(folder), port=port, password=secrets.token_hex(8))
        try:
            await server.start()
            yield server
        finally:
            server.kill()


def _guard() -> socket.socket:
    """Take a port so that nobody else is given the one after it, also while who listens there is away."""
    while True:
        with suppress(OSError):  # another test was faster
            return socket.create_server((_HOST, free_range(2)))
