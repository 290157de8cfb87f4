"""A token bucket for each IP address, in this process."""

import ipaddress
import math
from dataclasses import replace

from nova.platform.clock import Clock
from nova.platform.limits.metrics import REFUSED
from nova.platform.limits.quota import Quota, Verdict

_MOST_ADDRESSES = 100_000
_ROUNDING_S = 1e-9


class IpLimiter:
    """`rate` units a second, `burst` at once, for each address; an IPv6 address counts by its /64 network.

    Kept as the generic cell rate algorithm (ITU-T I.371): one number an address, the moment at which its
    bucket will be full. The table is bounded: the address that was quiet for longest is forgotten first. That
    forgives nothing as long as fewer than `most_addresses` are active within `burst / rate` seconds.
    """

    def __init__(
        self, *, rate: float, burst: int, clock: Clock, most_addresses: int = _MOST_ADDRESSES
    ) -> None:
        self._unit_s = 1.0 / rate
        self._depth_s = burst / rate
        self._clock = clock
        self._most = most_addresses
        self._full_at: dict[str, float] = {}
        self._quota = Quota("ip", math.floor(rate) or 1, 1)

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, address: str, units: int = 1) -> Verdict:
        """Take `units` from the bucket of `address`, or nothing when they are not there."""
        now = self._clock.monotonic()
        key = _network(address) if ":" in address else address
        owed_s = max(self._full_at.get(key, now) - now, 0.0)
        after_s = owed_s + units * self._unit_s
        if after_s <= self._depth_s + _ROUNDING_S:
            # Taken out first, so that the order of the table is the order of the last use.
            self._full_at.pop(key, None)
            self._full_at[key] = now + after_s
            if len(self._full_at) > self._most:
                del self._full_at[next(iter(self._full_at))]
            return self._verdict(owed_s=after_s)
        REFUSED.labels("ip").inc()
        return replace(self._verdict(owed_s=owed_s), allowed=False, retry_after_s=after_s - self._depth_s)

    def _verdict(self, *, owed_s: float) -> Verdict:
        left = math.floor((self._depth_s - owed_s) / self._unit_s + _ROUNDING_S)
        return Verdict(self._quota, allowed=True, remaining=max(left, 0), reset_s=owed_s)


def _network(address: str) -> str:
    """Return the /64 of an IPv6 address, the IPv4 address of a mapped one, and what is neither as it is."""
    try:
        parsed = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{int(parsed) >> 64:x}::/64"
