"""The Nova that runs on a data folder, as other commands find it: `instance.json`, there while it runs."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from nova.app.engines.passwords import replace_privately
from nova.app.sources import Sources

_FILE = "instance.json"


class NotRunning(Exception):
    """No Nova runs on this data folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """Where a running Nova and its engines answer. `control` is the socket at which it is asked about itself."""

    pid: int
    url: str
    control: Path
    sources: Sources

    @property
    def graphql(self) -> str:
        """Return the URL of the GraphQL endpoint."""
        return f"{self.url}/graphql"


@contextmanager
def announced(data: Path, instance: Instance) -> Iterator[None]:
    """Let other commands find `instance` inside the block."""
    file = data / _FILE
    replace_privately(file, json.dumps(asdict(instance), default=str))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _reach(control: Path) -> None:
    """Raise OSError unless somebody listens there: a process number may be another's by now."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(control))


def running(data: Path) -> Instance:
    """Return the Nova that runs on `data`. Raises `NotRunning`."""
    try:
        kept = json.loads((data / _FILE).read_text())
        instance = Instance(
            pid=kept["pid"],
            url=kept["url"],
            control=Path(kept["control"]),
            sources=Sources.restored(kept["sources"]),
        )
        _reach(instance.control)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise NotRunning(f"No Nova runs on {data}: start one with `nova up --data {data}`.") from error
    return instance
