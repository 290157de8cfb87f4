"""What each engine is: something that is fetched, started once, found again, and ended."""

import abc
from collections.abc import Mapping
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

        One that runs already stays, unless it is of another edition or for another port.
        """
        edition = self._edition()
        if not self._server.runs(edition):
            self._server.stop()
            self._server.require_port()
            self._server.start(self._command(), edition, self.env)
        self._server.wait_until(self._is_ready)
        return self._version()

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
        """Fetch and make what it needs, where that has not been done, and return what starts it."""

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
