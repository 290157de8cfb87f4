"""`nova doctor`: is all here that Nova needs, and what to do where it is not."""

import shutil
from collections.abc import Callable

import click

from nova.app.engines.errors import EngineError
from nova.app.engines.postgres_find import find_postgres
from nova.app.engines.valkey import find_valkey
from nova.native.build import require_current
from nova.platform.config import Config

_LEAST_FREE_MB = 512


def examine(config: Config) -> int:
    """Print one line a check; return the exit code."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("native core", _native),
        ("PostgreSQL", lambda: str(config.engines.postgres_url or find_postgres())),
        ("Valkey", lambda: str(config.engines.redis_url or find_valkey())),
        ("disk", lambda: _disk(config)),
    ]
    failed = 0
    for name, check in checks:
        try:
            click.echo(f"ok      {name:<12} {check()}")
        except (EngineError, RuntimeError, OSError) as error:
            failed += 1
            click.echo(f"broken  {name:<12} {error}")
    return 1 if failed else 0


def _native() -> str:
    require_current()
    return "release build, of these sources"


def _disk(config: Config) -> str:
    folder = config.server.data.absolute()
    while not folder.exists():
        folder = folder.parent
    free_mb = shutil.disk_usage(folder).free // 2**20
    if free_mb < _LEAST_FREE_MB:
        raise OSError(f"{free_mb} MB free at {folder}: make room, or choose another folder with --data")
    return f"{free_mb} MB free at {folder}"
