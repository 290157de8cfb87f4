"""What each engine is: something that is fetched, started once, found again, and ended."""

import abc
import signal
from collections.abc import Mapping
from typing import ClassVar

from server import Server


class Engine(abc.ABC):
    """An engine. `environment` is what `nova` is to be told of it."""

    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, server: Server, *, version: str, url: str, environment: Mapping[str, str]) -> None:
        self.version = version
        self.url = url
        self.environment = environment
        self._server = server

    @abc.abstractmethod
    def start(self) -> None:
        """Have it run: fetched, made and started where that has not been done. Raises CannotHave."""

    def stop(self) -> bool:
        """End it; return whether it ran."""
        return self._server.stop(self.stop_signal)

    def is_up(self) -> bool:
        """Return whether it runs."""
        return self._server.is_up()
