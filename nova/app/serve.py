"""`nova serve` and `nova relay`: one part of the platform as a process of its own."""

import asyncio
import logging
import signal
import sys

from nova.app import rooms
from nova.app.house import House
from nova.app.sources import of_config
from nova.native.build import require_current
from nova.platform.config import Config, LogFormat
from nova.platform.errors import NotFound
from nova.platform.telemetry.log import set_up

GATEWAY = "gateway"


async def serve(config: Config, name: str) -> None:
    """Serve the room `name`, or the gateway, until SIGTERM or SIGINT; then drain."""
    if name != GATEWAY and name not in rooms.ROOMS:
        raise NotFound(f"There is no room named {name!r}: use one of {', '.join((*rooms.ROOMS, GATEWAY))}.")
    require_current()
    ending = begun(config)
    held = () if name == GATEWAY else (name,)
    async with House(config, of_config(config, held), rooms=held, listen=True, gateway=name == GATEWAY):
        await ending.wait()


async def relay(config: Config, room: str | None) -> None:
    """Empty the outboxes of all rooms, or of one, into the log until SIGTERM or SIGINT."""
    if room is not None and room not in rooms.ROOMS:
        raise NotFound(f"There is no room named {room!r}: use one of {', '.join(rooms.ROOMS)}.")
    names = rooms.ROOMS if room is None else (room,)
    ending = begun(config)
    async with House(config, of_config(config, names), rooms=(), relays=names):
        await ending.wait()


def begun(config: Config) -> asyncio.Event:
    """Set up logs and signals of a process of its own; return what is set when it shall end."""
    telemetry = config.telemetry
    set_up(
        stream=sys.stderr,
        level=logging.getLevelNamesMapping()[telemetry.log_level.upper()],
        console=telemetry.log_format is LogFormat.CONSOLE,
    )
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ending.set)
    return ending
