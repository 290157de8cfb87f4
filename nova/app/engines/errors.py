"""What can go wrong with an engine or the data folder: each one sentence, the next command in it."""

from typing import ClassVar


class EngineError(Exception):
    """A reason not to start. The text is for the person at the terminal; `exit_code` is the command's."""

    exit_code: ClassVar[int] = 1


class EngineDown(EngineError):
    """An engine did not start, does not answer, or ended by itself."""

    exit_code = 4


class EngineMissing(EngineDown):
    """No program of this engine can be found on this machine."""


class EngineUnsafe(EngineDown):
    """The engine runs with settings that lose acknowledged writes."""


class FolderInUse(EngineError):
    """Another Nova runs on the data folder; `pid` is its process, None where it cannot be told."""

    def __init__(self, message: str, *, pid: int | None) -> None:
        super().__init__(message)
        self.pid = pid


class FolderUnusable(EngineError):
    """The data folder cannot be made, written, or entered by the engine's user."""


class FolderFull(FolderUnusable):
    """Too little space is left on the data folder's disk."""


class ClusterBroken(FolderUnusable):
    """What lies in the data folder is not a PostgreSQL cluster that this PostgreSQL can run."""


class EngineTooOld(EngineError):
    """The server of the user's own is of a version that lacks what Nova needs."""


class RightsMissing(EngineError):
    """The administrator's URL belongs to a user who may not make databases or roles."""
