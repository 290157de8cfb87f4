"""A part of a room that must ask a neighbour when it starts."""

import asyncio

import structlog

from nova.platform.auth.keys import KeyRing
from nova.platform.backoff import Backoff
from nova.platform.errors import Timeout, Unavailable
from nova.platform.room import Lifecycle

_log = structlog.get_logger(__name__)


class FirstKeys:
    """Has the keys of tokens at hand before the first token comes."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    async def start(self) -> None:
        """Ask identity. Raises `Unavailable` while it does not answer."""
        await self._keys.get("")

    async def stop(self) -> None:
        """Nothing was begun."""


async def started(part: Lifecycle, *, room: str) -> None:
    """Start a part of a room; while a neighbour that it must ask is not there, wait for it.

    In one process the order of the rooms makes sure that it is. Of many processes each may be the first.
    """
    waits = Backoff(first_s=0.05, longest_s=1.0)
    failures = 0
    while True:
        try:
            await part.start()
        except (Unavailable, Timeout) as error:
            failures += 1
            _log.warning("room_waits", room=room, part=type(part).__name__, error=error.reason)
            await asyncio.sleep(waits.wait_s(failures))
        else:
            return
