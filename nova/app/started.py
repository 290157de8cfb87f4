"""Projections as a Nova has them right after its start: one is started for it, without a door."""

from nova.app import reach, rooms
from nova.app.compared import Compared
from nova.app.house import House
from nova.app.prepare import prepare
from nova.app.projections import compare, projections_of
from nova.platform.config import Config


async def compared(config: Config, name: str, *, again: bool) -> list[Compared]:
    """Start, verify the projection `name`, or all, and end. With `again`, what can be is filled again first."""
    async with reach.engines(config) as sources:
        await prepare(sources, rooms.ROOMS)
        async with House(config, sources, rooms=rooms.ROOMS, relays=rooms.ROOMS) as house:
            return await compare(projections_of(house), name, again=again)
