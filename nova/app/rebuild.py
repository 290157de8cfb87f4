"""`nova rebuild NAME --verify`: projections made anew from the truth, beside those in use, compared by hash.

With `--again` what lies in an engine of its own is emptied and filled again first; what is in memory need not be.

What a process has in memory, it compares itself: the Nova that runs on the data folder, whichever shape it has, or the
process whose socket NOVA_CONTROL names. Where there is neither, what lies in engines is compared, without a room.
"""

import json
from collections.abc import Sequence

import click

from nova.app.compared import Compared
from nova.app.control import HeldAt
from nova.app.held import compare, meant
from nova.app.instance import NotRunning, running
from nova.platform.config import Config
from nova.platform.errors import Unavailable


async def rebuild(config: Config, name: str, *, again: bool, as_json: bool) -> int:
    """Print a line a projection: its name, entries, hash, and whether it is equal; 1 where one is not.

    With `again`, what lies in an engine of its own is filled again first. Raises `NotFound` for a name that is none,
    and `Unavailable` where something of that name can only be compared by a process that is not asked.
    """
    path = config.server.control
    if path is None:
        try:
            path = running(config.server.data).control
        except NotRunning:
            return await _at_rest(config, name, again=again, as_json=as_json)
    at = path
    return _told(await compare(HeldAt(lambda: at), name, again=again), as_json=as_json)


async def _at_rest(config: Config, name: str, *, again: bool, as_json: bool) -> int:
    from nova.app import reach  # noqa: PLC0415 - the engines and tables of rooms, where asking takes a moment
    from nova.app.at_rest import IN_MEMORY, all_at_rest  # noqa: PLC0415

    elsewhere = meant(IN_MEMORY, name)
    async with reach.engines(config) as sources, all_at_rest(sources, config.engines.neo4j_url) as held:
        here = meant(await held.names(), name)
        code = 0 if elsewhere and not here else _told(await compare(held, name, again=again), as_json=as_json)
    if code == 0 and elsewhere:
        raise Unavailable(
            f"{', '.join(elsewhere)}: in the memory of the processes that serve them, and no Nova runs on "
            f"{config.server.data}. Start it, or ask where NOVA_CONTROL names the socket of such a process."
        )
    return code


def _told(found: Sequence[Compared], *, as_json: bool) -> int:
    for line in found:
        click.echo(json.dumps(line.told()) if as_json else line.sentence())
    return 0 if all(line.equal for line in found) else 1
