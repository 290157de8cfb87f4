"""What a start is doing, for the person who waits: one line that changes on a terminal, plain lines elsewhere."""

import sys
import time
from typing import Final, Protocol, TextIO

_CLEAR: Final = "\r\x1b[K"
_AGAIN_S: Final = 0.1


class Progress(Protocol):
    """Hears what is being done."""

    def step(self, sentence: str) -> None:
        """Begin something new."""
        ...

    def count(self, noun: str, done: int, total: int) -> None:
        """Say how far it is: so many of the things that `noun` names."""
        ...

    def close(self) -> None:
        """Make room for the answer."""
        ...


class Silence:
    """Says nothing: a script waits for one line of JSON."""

    def step(self, sentence: str) -> None:
        """Say nothing."""

    def count(self, noun: str, done: int, total: int) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Say nothing."""


class Lines:
    """Writes a line for each step."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def step(self, sentence: str) -> None:
        """Write a line."""
        self._out.write(f"{sentence} …\n")
        self._out.flush()

    def count(self, noun: str, done: int, total: int) -> None:
        """Write a line when all is done."""
        if done == total:
            self._out.write(f"  {total:,} {noun}\n")
            self._out.flush()

    def close(self) -> None:
        """Leave the lines where they are."""


class OneLine:
    """Keeps one line of a terminal up to date, and wipes it at the end."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._sentence = ""
        self._shown_at = 0.0

    def step(self, sentence: str) -> None:
        """Show another sentence."""
        self._sentence = sentence
        self._show(f"{sentence} …")

    def count(self, noun: str, done: int, total: int) -> None:
        """Show how far it is, ten times a second at most."""
        if time.monotonic() - self._shown_at > _AGAIN_S:
            self._show(f"{self._sentence}: {done:,} of {total:,} {noun} …")

    def close(self) -> None:
        """Wipe the line."""
        self._out.write(_CLEAR)
        self._out.flush()

    def _show(self, text: str) -> None:
        self._shown_at = time.monotonic()
        self._out.write(f"{_CLEAR}{text}")
        self._out.flush()


def progress(*, quiet: bool) -> Progress:
    """Return what suits the standard error of this process."""
    if quiet:
        return Silence()
    return OneLine(sys.stderr) if sys.stderr.isatty() else Lines(sys.stderr)
