"""Two runs of a benchmark side by side, from what `nova bench run NAME --json` printed."""

import json
from pathlib import Path
from typing import Any

import click

from nova.platform.errors import InvalidArgument


def compare(before: Path, after: Path) -> None:
    """Print each figure of both, and the ratio. Raises `InvalidArgument` for what is no result."""
    old, new = _read(before), _read(after)
    for name in dict.fromkeys((*old["machine"], *new["machine"])):
        was, now = old["machine"].get(name, ""), new["machine"].get(name, "")
        click.echo(f"  {name:<9} {was}" + ("" if was == now else f"  →  {now}"))
    known = {figure["name"]: figure["value"] for figure in old["figures"]}
    click.echo(f"\n  {'':<46} {'before':>10} {'after':>10} {'ratio':>7}")
    for figure in new["figures"]:
        name, value, was = figure["name"], figure["value"], known.get(figure["name"])
        shown = f"{'':>10} {value:>10,.1f}" if was is None else f"{was:>10,.1f} {value:>10,.1f}"
        ratio = f"{value / was:>7.2f}" if was else ""
        click.echo(f"  {name:<46} {shown} {ratio} {figure['unit']}".rstrip())


def _read(file: Path) -> dict[str, Any]:
    try:
        said = json.loads(file.read_text())
        if {"machine", "figures"} <= said.keys():
            return dict(said)
    except (OSError, ValueError, AttributeError) as error:
        raise _no_result(file) from error
    raise _no_result(file)


def _no_result(file: Path) -> InvalidArgument:
    return InvalidArgument(f"{file} holds no result: make one with `nova bench run NAME --json > {file}`.")
