"""The keys that sign tokens on the command line: `nova keys`."""

from pathlib import Path

import click

from nova.app.cli_command import DATA, JSON, configured, run


@click.group()
def keys() -> None:
    """See and rotate the keys that sign tokens."""


@keys.command(name="list")
@DATA
@JSON
def keys_list(data: Path | None, *, as_json: bool) -> None:
    """Print the keys whose tokens hold, oldest first: what each does, and until when."""
    settings = configured(NOVA_DATA=data)
    from nova.app.signing_keys import list_keys

    run(lambda: list_keys(settings, as_json=as_json))


@keys.command()
@click.option("--withdraw", metavar="KID", help="Refuse every token of this key within a second.")
@DATA
@JSON
def rotate(withdraw: str | None, data: Path | None, *, as_json: bool) -> None:
    """Make the next key now instead of in its time; it signs once every verifier has heard of it."""
    settings = configured(NOVA_DATA=data)
    from nova.app.signing_keys import rotate as run_rotate

    run(lambda: run_rotate(settings, withdraw, as_json=as_json))
