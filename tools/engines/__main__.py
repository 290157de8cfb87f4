"""The real engines on this machine, without containers: `make engines`, `make engines-stop`.

They are fetched by the clients of their registries, checked against `pins.toml`, and listen on the loopback only. The
file `env` in their folder has what `nova` needs to stand on them: `set -a; . .nova-engines/env; set +a; nova up`.
"""

import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from nova.app.engines.errors import EngineError
from nova.app.engines.leftovers import sees_processes
from tools.engines.artifacts import PINS, Pin, fetch_jars, pins, sha256
from tools.engines.engine import Engine
from tools.engines.failure import CannotHave
from tools.engines.folder import Folder, engines_folder
from tools.engines.kafka import Kafka
from tools.engines.neo4j import Neo4j
from tools.engines.pgbouncer import PgBouncer
from tools.engines.postgres import Postgres, Replica
from tools.engines.redis import Redis
from tools.engines.registry import Registry
from tools.engines.s3 import S3

ENGINES: Mapping[str, Callable[[Folder, Pin], Engine]] = {
    "postgres": Postgres,
    "replica": Replica,
    "pgbouncer": PgBouncer,
    "redis": Redis,
    "kafka": Kafka,
    "registry": Registry,
    "neo4j": Neo4j,
    "s3": S3,
}


def made(folder: Folder, names: Sequence[str]) -> dict[str, Engine]:
    """Return engines by their names."""
    pinned = pins()
    return {name: ENGINES[name](folder, pinned.get(name, {})) for name in names}


def start(folder: Folder, names: Sequence[str]) -> int:
    """Start what does not run yet, say where it answers, and write the environment for `nova`."""
    missing = 0
    for name, engine in made(folder, names).items():
        try:
            version = engine.start()
        except (CannotHave, EngineError) as error:
            missing += 1
            print(f"{name:<10} -        {error}", flush=True)
        else:
            print(f"{name:<10} {version:<8} {engine.url}", flush=True)
    print(f"For nova: set -a; . {write_environment(folder)}; set +a")
    return 1 if missing else 0


def write_environment(folder: Folder) -> Path:
    """Write what `nova` is to be told of all engines that run; return the file."""
    engines = made(folder, list(ENGINES)).values()
    told = [variable for engine in engines if engine.is_up() for variable in engine.environment.items()]
    file = folder.path / "env"
    file.touch(mode=0o600)
    file.write_text("".join(f"{name}={value}\n" for name, value in told))
    return file


def stop(folder: Folder, names: Sequence[str]) -> int:
    """End what runs, in the opposite order, and say of each how it has ended."""
    left = 0
    for name, engine in reversed(made(folder, names).items()):
        try:
            ended = engine.stop()
        except CannotHave as error:
            left += 1
            print(error, flush=True)
        else:
            if ended:
                print(f"{name} {ended}", flush=True)
    return 1 if left else 0


def pin(folder: Folder, names: Sequence[str]) -> int:  # noqa: ARG001 - what runs there is not touched
    """Fetch the jars of engines and write their checksums into `pins.toml`, for a new version of one."""
    text = PINS.read_text()
    for name, entry in pins().items():
        if name in names and isinstance(entry.get("maven"), list):
            head = text.partition(f"[{name}.sha256]")[0] + f"[{name}.sha256]\n"
            tail = text.partition(f"[{name}.sha256]")[2].partition("\n[")
            text = head + _sums(entry["maven"]) + ("\n[" + tail[2] if tail[1] else "")
    PINS.write_text(text)
    return 0


def _sums(coordinates: Sequence[str]) -> str:
    with tempfile.TemporaryDirectory() as place:
        lib = Path(place, "lib")
        fetch_jars(coordinates, lib)
        return "".join(f'"{file.name}" = "{sha256(file)}"\n' for file in sorted(lib.iterdir()))


def main(arguments: Sequence[str]) -> int:
    """`start`, `stop` or `pin`, and the names of engines; without names all."""
    commands = {"start": start, "stop": stop, "pin": pin}
    verb, *names = arguments or [""]
    if verb not in commands or not set(names) <= ENGINES.keys():
        print(f"usage: tools.engines {{{'|'.join(commands)}}} [{'|'.join(ENGINES)}]…", file=sys.stderr)
        return 2
    if not sees_processes():
        print(
            "The real engines are found again by Linux's /proc: elsewhere use compose.yaml.", file=sys.stderr
        )
        return 1
    folder = engines_folder()
    with folder.alone():
        return commands[verb](folder, names or list(ENGINES))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
