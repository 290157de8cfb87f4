"""Engines and an event loop for benchmarks that talk to PostgreSQL, started once and stopped at the end."""

import asyncio
import tempfile
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from nova.app.engines.embedded import Engines
from tests.scratch import Scratch

R = TypeVar("R")


class Field:
    """A loop of uvloop, and rooms of this benchmark's own."""

    def __init__(self, loop: asyncio.AbstractEventLoop, scratch: Scratch) -> None:
        self._loop = loop
        self.scratch = scratch

    def run(self, work: Coroutine[Any, Any, R]) -> R:
        """Run to the end and return the result."""
        return self._loop.run_until_complete(work)


@contextmanager
def field() -> Iterator[Field]:
    """Start the embedded engines in a folder that is removed afterwards."""
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    with tempfile.TemporaryDirectory(prefix="nova-bench-") as folder:
        engines = Engines(Path(folder) / "data")
        loop.run_until_complete(engines.__aenter__())
        scratch = Scratch(engines)
        try:
            yield Field(loop, scratch)
        finally:
            loop.run_until_complete(scratch.aclose())
            loop.run_until_complete(engines.__aexit__(None, None, None))
            loop.close()
