"""The Nova that runs on a data folder, as other commands find it: `instance.json`, there while it runs."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from nova.app.engines.passwords import replace_privately

_FILE = "instance.json"


class NotRunning(Exception):
    """No Nova runs on this data folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """Where a running Nova answers."""

    pid: int
    url: str

    @property
    def graphql(self) -> str:
        """Return the URL of the GraphQL endpoint."""
        return f"{self.url}/graphql"


@contextmanager
def announced(data: Path, instance: Instance) -> Iterator[None]:
    """Let other commands find `instance` inside the block."""
    file = data / _FILE
    replace_privately(file, json.dumps(asdict(instance)))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def running(data: Path) -> Instance:
    """Return the Nova that runs on `data`. Raises `NotRunning`."""
    try:
        instance = Instance(**json.loads((data / _FILE).read_text()))
        os.kill(instance.pid, 0)
    except (OSError, ValueError, TypeError) as error:
        raise NotRunning(f"No Nova runs on {data}: start one with `nova up --data {data}`.") from error
    return instance
