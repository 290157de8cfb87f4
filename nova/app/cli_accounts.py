"""The accounts of a house on the command line: `nova role` and `nova account`."""

from datetime import UTC, datetime
from pathlib import Path

import click

from nova.app.cli_command import DATA, JSON, configured, run


class Moment(click.ParamType[datetime]):
    """A moment in ISO 8601; without an offset it is of UTC."""

    name = "ISO"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the aware moment."""
        try:
            moment = datetime.fromisoformat(str(value))
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no moment such as 2030-01-31T12:00:00Z.", param, ctx)


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
    from nova.app.accounts import list_roles

    run(lambda: list_roles(settings, handle, as_json=as_json))


@click.group()
def account() -> None:
    """See accounts, suspend them and reinstate them."""


@account.command()
@click.argument("handle")
@click.option(
    "--reason", required=True, help="Why, in at most 500 characters: for staff, not for the account."
)
@click.option("--until", type=Moment(), help="When it ends, such as 2030-01-31T12:00:00Z; without it never.")
@DATA
@JSON
def suspend(handle: str, reason: str, until: datetime | None, data: Path | None, *, as_json: bool) -> None:
    """Sign HANDLE out everywhere and let him in no more."""
    settings = configured(NOVA_DATA=data)
    from nova.app.accounts import suspend as run_suspend

    run(lambda: run_suspend(settings, handle, reason=reason, until=until, as_json=as_json))


@account.command()
@click.argument("handle")
@DATA
@JSON
def reinstate(handle: str, data: Path | None, *, as_json: bool) -> None:
    """Let HANDLE sign in again."""
    settings = configured(NOVA_DATA=data)
    from nova.app.accounts import reinstate as run_reinstate

    run(lambda: run_reinstate(settings, handle, as_json=as_json))


@account.command()
@click.argument("handle")
@DATA
@JSON
def show(handle: str, data: Path | None, *, as_json: bool) -> None:
    """Print how HANDLE stands: roles, and whether he is suspended, by whom and why."""
    settings = configured(NOVA_DATA=data)
    from nova.app.accounts import show as run_show

    run(lambda: run_show(settings, handle, as_json=as_json))
