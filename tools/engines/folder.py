"""Where the engines live: one folder, a part for each, and the ports on which they listen."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder of all engines. NOVA_ENGINES names another one; NOVA_ENGINES_PORT moves all ports."""

    path: Path
    first_port: int

    def part(self, engine: str) -> Path:
        """Return the folder of one engine, making it."""
        made = self.path / engine
        made.mkdir(parents=True, exist_ok=True)
        return made

    def port(self, offset: int) -> int:
        """Return one of our ports."""
        return self.first_port + offset

    def secret(self, name: str) -> str:
        """Return a password of the engines, made once."""
        file = self.part("secrets") / name
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(24))
        return file.read_text()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until nobody else starts or ends engines of this folder, and keep others from it."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def engines_folder() -> Folder:
    """Return the folder that the environment asks for, or `.nova-engines` beside the sources."""
    path = Path(os.environ.get("NOVA_ENGINES", ROOT / ".nova-engines"))
    return Folder(path.resolve(), int(os.environ.get("NOVA_ENGINES_PORT", "17400")))
