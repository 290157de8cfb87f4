"""The words of the invalidation bus, and the script that says them.

A message is: the sequence number (16 digits), the sender (8 letters), what it is about, a NUL, and the rest.
It is about one letter and the name of a cache:
    S  a single key, which is the rest
    K  many keys, each with its length before it (2 bytes, big-endian)
    P  a glob over the keys of that cache
    N  nothing: a number was taken
So all that is said about one cache by one sender begins alike but for the number, and a batch is sorted by that.

The script takes the next number, marks the keys, keeps the message in a stream under that number, and
publishes it: in one step, so that the order of numbers is the order of messages.
"""

import fnmatch
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from nova.platform.redis.client import Script

CHANNEL = b"cache:invalidate"
SEQUENCE = b"cache:sequence"
STREAM = b"cache:stream"
PATTERNS = b"cache:patterns"
FLOOR = b"cache:floor"
RUN = b"cache:run"

DIGITS = 16
"""Decimal digits of a number: readable in Redis, and compared as text or as a number alike."""
SENDER_BYTES = 8

TOMBSTONE_MS = 60_000
"""A load that took longer than this may not be kept, since its tombstone may be gone."""
STREAM_MESSAGES = 100_000
PATTERN_MS = 360_000
"""Longer than any value lives in Redis, so that no value outlives the pattern that it matches."""
MOST_PATTERNS = 1_000

SINGLE, MANY, PATTERN = b"S", b"K", b"P"
NOTHING = b"N\0"


def keys_body(name: bytes, keys: Sequence[bytes]) -> bytes:
    """Return what is said about keys."""
    if len(keys) == 1:
        return SINGLE + name + b"\0" + keys[0]
    return MANY + name + b"\0" + b"".join([len(key).to_bytes(2, "big") + key for key in keys])


def pattern_body(name: bytes, pattern: bytes) -> bytes:
    """Return what is said about a glob."""
    return PATTERN + name + b"\0" + pattern


def glob(pattern: bytes) -> re.Pattern[bytes]:
    """Return the expression of a glob (`*`, `?`, `[...]`) over bytes."""
    return re.compile(fnmatch.translate(pattern.decode("latin-1")).encode("latin-1"))


def number_of(message: bytes) -> int:
    """Return the sequence number of a message."""
    return int(message[:DIGITS])


class About(NamedTuple):
    """What messages with one beginning are about."""

    sender: bytes
    letter: bytes
    name: bytes


def sorted_by_subject(messages: Iterable[bytes]) -> list[tuple[About, list[bytes]]]:
    """Return the rests of messages, by what they are about."""
    subjects: dict[bytes, list[bytes]] = {}
    for said in messages:
        head, _, rest = said.partition(b"\0")
        subject = head[DIGITS:]
        if subject in subjects:
            subjects[subject].append(rest)
        else:
            subjects[subject] = [rest]
    letter = SENDER_BYTES
    return [
        (About(subject[:letter], subject[letter : letter + 1], subject[letter + 1 :]), rests)
        for subject, rests in subjects.items()
    ]


def keys_in(rest: bytes) -> list[bytes]:
    """Return the keys of a message about many."""
    keys: list[bytes] = []
    at = 0
    while at < len(rest):
        start = at + 2
        at = start + (rest[at] << 8 | rest[at + 1])
        keys.append(rest[start:at])
    return keys


# A sequence that Redis lost goes on from the time in microseconds: above every number that was ever given.
PUBLISH = Script(f"""
-- KEYS: sequence, stream, patterns, floor, then the keys to mark. ARGV: channel, sender, body, pattern or ''.
-- Returns the number.
local number = redis.call('INCR', KEYS[1])
local time = redis.call('TIME')
if number == 1 then
  number = time[1] * 1000000 + time[2]
  redis.call('SET', KEYS[1], string.format('%.0f', number))
end
local stamp = string.format('%016.0f', number)
for i = 5, #KEYS do
  redis.call('SET', KEYS[i], stamp .. 'T', 'PX', {TOMBSTONE_MS})
end
if ARGV[4] ~= '' then
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - {PATTERN_MS})
  if redis.call('ZCARD', KEYS[3]) >= {MOST_PATTERNS} then
    redis.call('DEL', KEYS[3])
    redis.call('SET', KEYS[4], stamp)
  else
    redis.call('ZADD', KEYS[3], now, stamp .. ARGV[4])
  end
end
local message = stamp .. ARGV[2] .. ARGV[3]
redis.call('XADD', KEYS[2], 'MAXLEN', '~', {STREAM_MESSAGES}, string.format('%.0f-0', number), 'm', message)
redis.call('PUBLISH', ARGV[1], message)
return number
""")
