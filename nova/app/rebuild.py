"""`nova rebuild NAME --verify`: projections made anew from the truth, beside those in use, compared by hash.

With `--again` what lies in an engine of its own is emptied and filled again first; what is in memory need not be.

Where a Nova runs on the data folder it compares what it has in memory, which it has kept up by events since it
began. Where none runs, what a Nova has right after its start is compared: enough for what lies in PostgreSQL.
"""

import json
from dataclasses import asdict

import click

from nova.app.compared import Compared
from nova.app.control import ask_to_compare
from nova.app.instance import NotRunning, running
from nova.platform.config import Config


async def rebuild(config: Config, name: str, *, again: bool, as_json: bool) -> int:
    """Print a line a projection: its name, entries, hash, and whether it is equal; 1 where one is not.

    With `again`, what lies in an engine of its own is filled again first.
    """
    try:
        instance = running(config.server.data)
    except NotRunning:
        from nova.app.started import compared  # noqa: PLC0415 - the whole house, where asking takes a moment

        pid, found = None, await compared(config, name, again=again)
    else:
        pid, found = instance.pid, await ask_to_compare(instance.control, name, again=again)
    for line in found:
        click.echo(json.dumps({**asdict(line), "pid": pid}) if as_json else _sentence(line, pid))
    return 0 if all(line.equal for line in found) else 1


def _sentence(line: Compared, pid: int | None) -> str:
    verdict = "equal" if line.equal else f"NOT EQUAL: in use is {line.in_use}"
    where = "right after a start" if pid is None else f"in process {pid}"
    return f"{line.name:<13} {line.entries:>9} entries  {line.from_truth}  {verdict}, {where}"
