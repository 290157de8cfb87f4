"""The limits of a person, shared by all gateways through Redis."""

import asyncio
import dataclasses
from collections import OrderedDict

from nova.platform.clock import Clock
from nova.platform.errors import Unavailable
from nova.platform.limits.metrics import LOCAL, REFUSED
from nova.platform.limits.quota import Quota, Verdict
from nova.platform.limits.window import TAKE, Window
from nova.platform.redis.client import Redis

_PATIENCE_S = 0.1
_MOST_SUBJECTS = 100_000


class UserLimiter:
    """One round trip a take. While Redis is lost or slow, each of the `gateways` grants its part of the limit.

    So all of them together grant no more than one did; who comes to one of them alone has that part, at least one unit.
    The local windows are bounded by the number of people; who was quiet for longest is forgotten first.
    """

    def __init__(
        self, redis: Redis, *, gateways: int, clock: Clock, most_subjects: int = _MOST_SUBJECTS
    ) -> None:
        self._redis = redis
        self._gateways = gateways
        self._clock = clock
        self._most = most_subjects
        self._windows: OrderedDict[tuple[str, str], Window] = OrderedDict()

    async def take(self, quota: Quota, subject: str, units: int = 1) -> Verdict:
        """Take `units` of the subject's quota at once, or nothing when they do not fit."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                verdict = await self._take_shared(quota, subject, units)
        except (Unavailable, TimeoutError):
            LOCAL.labels(quota.name).inc()
            verdict = self._take_local(quota, subject, units)
        if not verdict.allowed:
            REFUSED.labels(quota.name).inc()
        return verdict

    async def _take_shared(self, quota: Quota, subject: str, units: int) -> Verdict:
        allowed, remaining, reset_ms, retry_ms = await self._redis.run(
            TAKE,
            keys=[f"limit:{quota.name}:{subject}"],
            args=[quota.limit, quota.window_s * 1000, units, ""],
        )
        return Verdict(quota, bool(allowed), remaining, reset_ms / 1000, retry_ms / 1000)

    def _take_local(self, quota: Quota, subject: str, units: int) -> Verdict:
        key = (quota.name, subject)
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = Window()
            if len(self._windows) > self._most:
                self._windows.popitem(last=False)
        else:
            self._windows.move_to_end(key)
        reduced = dataclasses.replace(quota, limit=max(1, quota.limit // self._gateways))
        return window.take(reduced, units, self._clock.monotonic())
