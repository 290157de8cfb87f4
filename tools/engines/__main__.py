"""The real engines on this machine, without containers: `make engines`, `make engines-stop`.

They are fetched by the clients of their registries, checked against `pins.toml`, and listen on the loopback only. The
file `env` in their folder has what `nova` needs to stand on them: `set -a; . .nova-engines/env; set +a; nova up`.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from artifacts import PINS, fetch_jars, pins, sha256
from engine import Engine
from failure import CannotHave
from folder import Folder, engines_folder
from kafka import Kafka
from neo4j import Neo4j
from pgbouncer import PgBouncer
from postgres import Postgres, Replica
from redis import Redis
from registry import Registry

ENGINES: Mapping[str, Callable[[Folder, Mapping[str, Any]], Engine]] = {
    "postgres": Postgres,
    "replica": Replica,
    "pgbouncer": PgBouncer,
    "redis": Redis,
    "kafka": Kafka,
    "registry": Registry,
    "neo4j": Neo4j,
}


def start(folder: Folder, names: Sequence[str]) -> int:
    """Start what does not run yet, say where it answers, and write the environment for `nova`."""
    pinned = pins()
    missing = 0
    for name in names:
        try:
            engine = ENGINES[name](folder, pinned.get(name, {}))
            engine.start()
        except CannotHave as error:
            missing += 1
            print(f"{name:<10} -        {error}", flush=True)
        else:
            print(f"{name:<10} {engine.version:<8} {engine.url}", flush=True)
    print(f"For nova: set -a; . {write_environment(folder)}; set +a")
    return 1 if missing else 0


def write_environment(folder: Folder) -> Path:
    """Write what `nova` is to be told of all engines that run; return the file."""
    pinned = pins()
    engines = [make(folder, pinned.get(name, {})) for name, make in ENGINES.items()]
    told = [variable for engine in engines if engine.is_up() for variable in engine.environment.items()]
    file = folder.path / "env"
    file.touch(mode=0o600)
    file.write_text("".join(f"{name}={value}\n" for name, value in told))
    return file


def stop(folder: Folder, names: Sequence[str]) -> int:
    """End what runs, in the opposite order."""
    pinned = pins()
    for name in reversed(names):
        if ENGINES[name](folder, pinned.get(name, {})).stop():
            print(f"{name} has ended")
    return 0


def pin(folder: Folder, names: Sequence[str]) -> int:
    """Fetch the jars of engines and write their checksums into `pins.toml`, for a new version of one."""
    text = PINS.read_text()
    for name, entry in pins().items():
        if name in names and isinstance(entry.get("maven"), list):
            lib = folder.part(name) / "lib"
            fetch_jars(entry["maven"], lib)
            head = text.partition(f"[{name}.sha256]")[0] + f"[{name}.sha256]\n"
            tail = text.partition(f"[{name}.sha256]")[2].partition("\n[")
            sums = "".join(f'"{file.name}" = "{sha256(file)}"\n' for file in sorted(lib.iterdir()))
            text = head + sums + ("\n[" + tail[2] if tail[1] else "")
    PINS.write_text(text)
    return 0


def main(arguments: Sequence[str]) -> int:
    """`start`, `stop` or `pin`, and the names of engines; without names all."""
    commands = {"start": start, "stop": stop, "pin": pin}
    verb, *names = arguments or [""]
    if verb not in commands or not set(names) <= ENGINES.keys():
        print(f"usage: tools/engines {{{'|'.join(commands)}}} [{'|'.join(ENGINES)}]…", file=sys.stderr)
        return 2
    return commands[verb](engines_folder(), names or list(ENGINES))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
