"""The files that a Nova and its parts log to. They hold their newest lines: the disk is for other things."""

from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self, TextIO

from nova.app.engines.folder import LOG_LIMIT_BYTES


class LogFile:
    """A text file to which whole lines are added. One that is full is put aside as `.1`, in place of the one before.

    Writing raises OSError where there is no room; the next line is tried again.
    """

    def __init__(self, path: Path, *, most_bytes: int = LOG_LIMIT_BYTES) -> None:
        self.path = path
        self._most_bytes = most_bytes
        self._out = self._opened()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._out.close()

    def write(self, text: str) -> int:
        """Add text; return how many characters it has."""
        if self._out.tell() >= self._most_bytes:
            self._begin_anew()
        return self._out.write(text)

    def flush(self) -> None:
        """Have it in the file."""
        self._out.flush()

    def isatty(self) -> bool:
        """Return that this is no terminal."""
        return False

    def _begin_anew(self) -> None:
        with suppress(FileNotFoundError):
            self.path.replace(self.path.with_suffix(f"{self.path.suffix}.1"))
        full, self._out = self._out, self._opened()
        with suppress(OSError):
            full.close()

    def _opened(self) -> TextIO:
        return self.path.open("a", buffering=1)


class PartLogs:
    """A file for each part, `PART.log` in one folder: one that says too much loses lines of its own, and no other's."""

    def __init__(self, folder: Path, *, most_bytes: int = LOG_LIMIT_BYTES) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._files: dict[str, LogFile] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def write(self, part: str, line: str) -> int:
        """Add a whole line of a part; return how many characters it has. Raises OSError as `LogFile` does."""
        if part not in self._files:
            path = self._folder / f"{part}.log"
            self._files[part] = self._open.enter_context(LogFile(path, most_bytes=self._most_bytes))
        return self._files[part].write(line)
