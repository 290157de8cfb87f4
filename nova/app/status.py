"""`nova status`: the Nova that runs on a data folder, as it sees itself."""

import asyncio
import json
import urllib.error
import urllib.request
from typing import Any

import click

from nova.app.instance import NotRunning, running
from nova.platform.config import Config
from nova.platform.errors import Unavailable

_TIMEOUT_S = 5.0


async def print_status(config: Config, *, as_json: bool) -> int:
    """Print how it is; return the exit code: 4 when none runs, or one that cannot serve."""
    try:
        instance = running(config.server.data)
    except NotRunning as error:
        click.echo(json.dumps({"running": False}) if as_json else str(error))
        return 4
    ready, checks = await asyncio.to_thread(_asked, f"{instance.url}/readyz")
    if as_json:
        shown = {"running": True, "ready": ready, "url": instance.url, "pid": instance.pid, "checks": checks}
        click.echo(json.dumps(shown))
    else:
        click.echo(f"{'ready' if ready else 'not ready'}: {instance.url} (process {instance.pid})")
        for name, outcome in checks.items():
            click.echo(f"  {name:<18} {outcome}")
    return 0 if ready else 4


def _asked(url: str) -> tuple[bool, dict[str, str]]:
    """Return whether it is ready, and the outcome of each check."""
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - our own instance
            return True, _checks(json.load(answer))
    except urllib.error.HTTPError as error:
        return False, _checks(json.load(error))
    except (OSError, ValueError) as error:
        raise Unavailable(f"{url} does not answer ({error}): see its log.") from error


def _checks(report: dict[str, Any]) -> dict[str, str]:
    return dict(report["checks"])
