"""The one standard, for calls to a room in another process."""

import time
from collections.abc import Awaitable, Callable
from typing import Final

from nova.platform.clock import Clock
from nova.platform.resilience import CallPolicy
from nova.platform.rpc.call import DEFAULT_TIMEOUT_S, Call, Payload, Policy

AT_ONCE: Final = 64
"""How many reads, and how many writes, of one process may wait for one room."""


def by_standard(room: str, *, clock: Clock) -> Policy:
    """Return how a room is called: what reads may be tried again, and goes on while what writes fails."""
    reads, writes = (
        CallPolicy(f"{room}-{kind}", clock=clock, timeout_s=DEFAULT_TIMEOUT_S, max_concurrent=AT_ONCE)
        for kind in ("reads", "writes")
    )

    async def guarded(call: Call, attempt: Callable[[], Awaitable[Payload]]) -> Payload:
        read_only = call.method.read_only
        policy = reads if read_only else writes
        within_s = None if call.deadline is None else call.deadline - time.monotonic()
        return await policy.call(attempt, within_s=within_s, idempotent=read_only)

    return guarded
