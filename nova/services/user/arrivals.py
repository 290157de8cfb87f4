"""Waiting for a profile that is on its way.

An account is opened in identity, and its profile a moment later, when this room hears of it. Whoever has just
signed up asks for himself at once: he waits for the row, instead of being told that he does not exist.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from nova.platform.rpc.context import remaining_s
from nova.services.user.model import Profile, UserId

LONGEST_WAIT_S: Final = 2.0
# The row may be made by another process, which cannot wake anyone here.
_LOOK_EVERY_S: Final = 0.1
# What a caller needs to be told in time that it was in vain.
_MARGIN_S: Final = 0.05


class Arrivals:
    """Those who wait for their profile, woken when it is committed."""

    def __init__(self, find: Callable[[UserId], Awaitable[Profile | None]]) -> None:
        self._find = find
        self._waiting: dict[UserId, asyncio.Event] = {}

    async def wait(self, user_id: UserId) -> Profile | None:
        """Return the profile once it is there; None when it did not come within 2 s or the caller's time."""
        remaining = remaining_s()
        longest = LONGEST_WAIT_S if remaining is None else min(LONGEST_WAIT_S, remaining - _MARGIN_S)
        arrival = self._waiting.setdefault(user_id, asyncio.Event())
        try:
            async with asyncio.timeout(longest):
                while True:
                    profile = await self._find(user_id)
                    if profile is not None:
                        return profile
                    await _woken(arrival)
        except TimeoutError:
            return None
        finally:
            if self._waiting.get(user_id) is arrival:
                del self._waiting[user_id]

    def arrived(self, user_ids: Iterable[UserId]) -> None:
        """Wake those whose profiles have been committed."""
        for user_id in user_ids:
            arrival = self._waiting.get(user_id)
            if arrival is not None:
                arrival.set()


async def _woken(arrival: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_LOOK_EVERY_S):
            await arrival.wait()
    except TimeoutError:
        return
