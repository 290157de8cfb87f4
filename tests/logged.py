"""What the house logs, as its readers get it."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from nova.platform.telemetry import log


class Lines(io.StringIO):
    """What was logged, line by line."""

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]

    def only(self) -> dict[str, Any]:
        (line,) = self.all()
        return line


@contextmanager
def logged() -> Iterator[Lines]:
    """Yield what is logged within the block."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    lines = Lines()
    log.set_up(stream=lines)
    try:
        yield lines
    finally:
        structlog.reset_defaults()
        root.handlers, root.level = handlers, level
