"""Waiting for a condition, with an end: tests never sleep for a time and hope."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable


async def until(condition: Callable[[], bool | Awaitable[bool]], *, within_s: float = 20.0) -> None:
    """Return once `condition()` is true. Raises TimeoutError after `within_s` seconds."""
    async with asyncio.timeout(within_s):
        while True:
            holds = condition()
            if await holds if inspect.isawaitable(holds) else holds:
                return
            await asyncio.sleep(0.005)
