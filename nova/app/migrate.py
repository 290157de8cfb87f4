"""`nova migrate`: schemas forward, a step back, or only checked. As a module it checks files alone, for `make lint`."""

import sys
from collections.abc import Sequence

import click

from nova.app import prepare, reach, rooms
from nova.platform.config import Config
from nova.platform.db.expand_contract import check as check_files
from nova.platform.db.migrate import PLATFORM
from nova.platform.errors import NotFound
from nova.platform.log.postgres import SCHEMA as LOG


async def migrate(config: Config, room: str | None, *, check: bool, rollback: bool) -> int:
    """Do what the options say; return the exit code."""
    if room is not None and room not in rooms.ROOMS:
        raise NotFound(f"There is no room named {room!r}: use one of {', '.join(rooms.ROOMS)}.")
    names = rooms.ROOMS if room is None else (room,)
    if not _in_order(names):
        return 1
    async with reach.engines(config, begin=not (check or rollback)) as sources:
        if check:
            for name in names:
                pending = await prepare.migrations(name, sources).pending()
                click.echo(f"{name:<10} {', '.join(pending) or 'up to date'}")
        elif rollback:
            undone = [label for name in names for label in await prepare.migrations(name, sources).rollback()]
            click.echo(f"taken back: {', '.join(undone) or 'nothing'}")
        else:
            await prepare.prepare(sources, names)
            click.echo(f"up to date: {', '.join(names)}")
    return 0


def _in_order(names: Sequence[str]) -> bool:
    """Check the files of rooms, and those of the floor that all of them stand on; say what is wrong."""
    folders = [*map(rooms.migrations_of, names), PLATFORM, LOG]
    findings = [finding for folder in folders for finding in check_files(folder)]
    for finding in findings:
        click.echo(str(finding), err=True)
    return not findings


if __name__ == "__main__":
    sys.exit(0 if _in_order(rooms.ROOMS) else 1)
