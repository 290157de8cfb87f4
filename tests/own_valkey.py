"""A Valkey of one's own, to be killed, frozen and brought back in the middle of a test."""

import asyncio
import signal
import subprocess
from pathlib import Path

from nova.app.engines.valkey import find_valkey
from tests.waiting import until


class OwnValkey:
    """A server on a Unix socket in `folder`, which must be short enough for one. Its data survives a kill."""

    def __init__(self, folder: Path, *, password: str | None = None) -> None:
        self._folder = folder
        self._socket = folder / "s"
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

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
        secret = ["--requirepass", self._password] if self._password else []
        self._process = subprocess.Popen(
            [
                *(find_valkey(), "--port", "0", "--unixsocket", self._socket, "--dir", self._folder),
                *("--appendonly", "yes", "--appendfsync", "always", "--save", "", *secret, *options),
            ],
            stdout=subprocess.DEVNULL,
        )

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    async def _answers(self) -> bool:
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket)
        except OSError:
            return False
        try:
            writer.write(b"PING\r\n")
            return (await reader.readline()).startswith((b"+PONG", b"-NOAUTH"))
        finally:
            writer.close()
            await writer.wait_closed()
