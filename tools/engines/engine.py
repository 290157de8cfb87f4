"""What each engine is: something that is fetched, started once, found again, and ended."""

import abc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from tools.engines.artifacts import Pin, digest
from tools.engines.server import Server, answers


class Engine(abc.ABC):
    """An engine. `url` is where it answers; `environment` is what `nova` is to be told of it."""

    env: ClassVar[Mapping[str, str]] = {}
    """What its process is told beside what we are told."""

    def __init__(self, server: Server, *, url: str, environment: Mapping[str, str]) -> None:
        self.url = url
        self.environment = environment
        self._server = server

    def start(self) -> str:
        """Have it run as it is wanted, and return its version. Raises CannotHave.

        One that runs already stays, unless it is of another edition, was told other things, or is for another port.
        """
        wanted = self.wanted()
        if not self._server.runs(wanted):
            self._server.stop()
            self._server.require_port()
            for file, text in self._files().items():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.touch(mode=0o600)
                file.write_text(text)
            self._prepare()
            self._server.start(self._launched(self._command()), wanted, self.env)
        self._server.wait_until(self._is_ready)
        return self._version()

    def wanted(self) -> str:
        """Return one word for what is to run and all that it is told: another one for any other. Raises CannotHave."""
        files = {str(file): text for file, text in self._files().items()}
        told = {"command": self._command(), "files": files, "env": dict(self.env)}
        return digest({"edition": self._edition(), **told})

    def stop(self) -> str | None:
        """End it, and say how it has ended; None where it did not run. Raises CannotHave."""
        return self._server.stop()

    def is_up(self) -> bool:
        """Return whether it runs."""
        return self._server.is_up()

    @abc.abstractmethod
    def _edition(self) -> str:
        """Return one word for what is to run: its pin's digest, or the version that the program says."""

    @abc.abstractmethod
    def _command(self) -> list[str]:
        """Return the program and its flags. It is asked for also where nothing is to be started."""

    def _files(self) -> Mapping[Path, str]:
        """Return the files with its settings, which are written for it before it starts."""
        return {}

    def _prepare(self) -> None:  # noqa: B027 - some need nothing
        """Fetch and make what it needs, where that has not been done. Its files are there. Raises CannotHave."""

    def _launched(self, command: Sequence[str]) -> Sequence[str]:
        """Return what starts the command, as whoever it is to run."""
        return command

    def _version(self) -> str:
        """Return the version that runs, for people."""
        return self._edition()

    def _is_ready(self) -> bool:
        return answers(self._server.port)


class Pinned(Engine):
    """An engine that is what `pins.toml` says."""

    def __init__(self, pin: Pin, server: Server, *, url: str, environment: Mapping[str, str]) -> None:
        super().__init__(server, url=url, environment=environment)
        self._pin = pin

    def _edition(self) -> str:
        return digest(self._pin)

    def _version(self) -> str:
        return str(self._pin["version"])
