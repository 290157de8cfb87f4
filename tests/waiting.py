"""Waiting for a condition, with a bounded deadline."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

DEADLINE_S = 20.0


async def eventually(
    condition: Callable[[], bool | Awaitable[bool]], *, within_s: float = DEADLINE_S, what: str = "it"
) -> None:
    """Return once `condition` holds; fails when it does not within `within_s`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while True:
        held = condition()
        if inspect.isawaitable(held):
            held = await held
        if held:
            return
        assert loop.time() < deadline, f"{what} did not come true within {within_s:g} s"
        await asyncio.sleep(0.005)
