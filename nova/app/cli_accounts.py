"""The accounts of a house on the command line: `nova role`."""

from pathlib import Path

import click

from nova.app.cli_command import DATA, JSON, configured, run


@click.group()
def role() -> None:
    """See and change what accounts may do."""


ROLE = click.argument("name", metavar="ROLE")


@role.command()
@click.argument("handle")
@ROLE
@DATA
@JSON
def grant(handle: str, name: str, data: Path | None, *, as_json: bool) -> None:
    """Give HANDLE the role ROLE: premium, moderator or admin."""
    settings = configured(NOVA_DATA=data)
    from nova.app.accounts import grant as run_grant

    run(lambda: run_grant(settings, handle, name, as_json=as_json))


@role.command()
@click.argument("handle")
@ROLE
@DATA
@JSON
def revoke(handle: str, name: str, data: Path | None, *, as_json: bool) -> None:
    """Take ROLE from HANDLE."""
    settings = configured(NOVA_DATA=data)
    from nova.app.accounts import revoke as run_revoke

    run(lambda: run_revoke(settings, handle, name, as_json=as_json))


@role.command(name="list")
@click.argument("handle")
@DATA
@JSON
def role_list(handle: str, data: Path | None, *, as_json: bool) -> None:
    """Print the roles of HANDLE."""
    settings = configured(NOVA_DATA=data)
    from nova.app.accounts import show

    run(lambda: show(settings, handle, as_json=as_json))
