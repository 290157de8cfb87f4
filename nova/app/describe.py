"""`nova config` and `nova status`."""

import json
import urllib.error
import urllib.request
from dataclasses import asdict

import click

from nova.app.instance import NotRunning, running
from nova.platform.config import Config, describe

_TIMEOUT_S = 5.0


def print_config(config: Config, *, as_json: bool) -> None:
    """Print every knob."""
    rows = describe(config)
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=1))
        return
    for row in rows:
        changed = "" if row.value == row.default else f"  (default {row.default})"
        click.echo(f"{row.variable} = {row.value}{changed}\n    {row.sentence}")


def print_status(config: Config, *, as_json: bool) -> int:
    """Print how the Nova on the data folder is; return the exit code."""
    try:
        instance = running(config.server.data)
        ready, report = _asked(f"{instance.url}/readyz")
    except (NotRunning, OSError) as error:
        click.echo(json.dumps({"running": False}) if as_json else str(error))
        return 4
    if as_json:
        click.echo(json.dumps({"running": True, "ready": ready, "url": instance.url, "pid": instance.pid}))
    else:
        click.echo(f"{'ready' if ready else 'not ready'}: {instance.url} (process {instance.pid})\n{report}")
    return 0 if ready else 4


def _asked(url: str) -> tuple[bool, str]:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - our own instance
            return True, answer.read().decode()
    except urllib.error.HTTPError as error:
        return False, error.read().decode()
