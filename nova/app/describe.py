"""`nova config`: every knob, explained."""

import json
from dataclasses import asdict

import click

from nova.platform.config import Config, describe


def print_config(config: Config, *, as_json: bool) -> None:
    """Print every knob."""
    rows = describe(config)
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=1))
        return
    for row in rows:
        changed = "" if row.value == row.default else f"  (default {row.default or 'unset'})"
        click.echo(f"{row.variable} = {row.value}{changed}\n    {row.sentence}")
