"""The sliding window: at most `limit` units in any `window_s` seconds, whatever the moment.

The window is cut into slots. A take counts every slot that reaches into the window, so the sum can only be
too high, by the part of the oldest slot that has left: units come back up to one slot late, never early.
The same rule is written twice, in Python and in Lua; a test holds them equal.
"""

from nova.platform.limits.quota import Quota, Verdict
from nova.platform.redis.client import Script

SLOTS = 12


class Window:
    """The window of one subject, in this process."""

    __slots__ = ("_slots",)

    def __init__(self) -> None:
        self._slots: dict[int, int] = {}

    def take(self, quota: Quota, units: int, now_s: float) -> Verdict:
        """Take `units` at `now_s` (any clock that does not go back), or nothing when they do not fit."""
        width_s = quota.window_s / SLOTS
        current = int(now_s / width_s)
        self._slots = {slot: used for slot, used in self._slots.items() if slot >= current - SLOTS}
        used = sum(self._slots.values())
        allowed = used + units <= quota.limit
        if allowed:
            self._slots[current] = self._slots.get(current, 0) + units
            used += units

        def leaves_in_s(slot: int) -> float:
            return (slot + SLOTS + 1) * width_s - now_s

        reset_s = leaves_in_s(min(self._slots)) if self._slots else 0.0
        if allowed:
            return Verdict(quota, allowed=True, remaining=quota.limit - used, reset_s=reset_s)
        excess, retry_after_s = used + units - quota.limit, leaves_in_s(current)
        for slot in sorted(self._slots):
            excess -= self._slots[slot]
            if excess <= 0:
                retry_after_s = leaves_in_s(slot)
                break
        return Verdict(quota, False, max(quota.limit - used, 0), reset_s, retry_after_s)


TAKE = Script(f"""
-- KEYS[1] the subject's hash: slot -> units. ARGV: limit, window in ms, units, now in ms or '' for the
-- server's own clock, which is the one that all gateways share.
-- Returns allowed (0 or 1), remaining, reset in ms, retry after in ms.
local limit, window, units = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now = tonumber(ARGV[4])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + time[2] / 1000
end
local width = window / {SLOTS}
local current = math.floor(now / width)
local entries, slots, used = redis.call('HGETALL', KEYS[1]), {{}}, 0
for i = 1, #entries, 2 do
  local slot, count = tonumber(entries[i]), tonumber(entries[i + 1])
  if slot < current - {SLOTS} then
    redis.call('HDEL', KEYS[1], entries[i])
  else
    slots[#slots + 1] = {{slot, count}}
    used = used + count
  end
end
table.sort(slots, function(a, b) return a[1] < b[1] end)
local function leaves(slot) return math.ceil((slot + {SLOTS} + 1) * width - now) end
if used + units <= limit then
  redis.call('HINCRBY', KEYS[1], string.format('%.0f', current), units)
  redis.call('PEXPIRE', KEYS[1], math.ceil(window + width))
  return {{1, limit - used - units, leaves(slots[1] and slots[1][1] or current), 0}}
end
local excess, retry = used + units - limit, leaves(current)
for _, entry in ipairs(slots) do
  excess = excess - entry[2]
  if excess <= 0 then
    retry = leaves(entry[1])
    break
  end
end
return {{0, math.max(limit - used, 0), slots[1] and leaves(slots[1][1]) or 0, retry}}
""")
