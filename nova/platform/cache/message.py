"""The words of the invalidation bus, and the script that says them.

A message is: the sequence number (16 digits), the sender (8 bytes), one letter, and what the letter asks for.
    K  cache name, NUL, then each key as its length (2 bytes, big-endian) and its bytes
    P  cache name, NUL, a glob over the keys of that cache
    N  nothing: a number was taken
The script takes the next number, marks the keys, keeps the message in a stream under that number, and
publishes it: in one step, so that the order of numbers is the order of messages.
"""

import fnmatch
import re
from collections.abc import Iterable

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
_LETTER = DIGITS + SENDER_BYTES
_NAME = _LETTER + 1

TOMBSTONE_MS = 60_000
"""A load that took longer than this may not be kept, since its tombstone may be gone."""
STREAM_MESSAGES = 100_000
PATTERN_MS = 360_000
"""Longer than any value lives in Redis, so that no value outlives the pattern that it matches."""
MOST_PATTERNS = 1_000

KEYS = b"K"
PATTERN = b"P"
NOTHING = b"N"


def keys_body(name: bytes, keys: Iterable[bytes]) -> bytes:
    """Return what is said about single keys."""
    return KEYS + name + b"\0" + b"".join([len(key).to_bytes(2, "big") + key for key in keys])


def pattern_body(name: bytes, pattern: bytes) -> bytes:
    """Return what is said about a glob."""
    return PATTERN + name + b"\0" + pattern


def glob(pattern: bytes) -> re.Pattern[bytes]:
    """Return the expression of a glob (`*`, `?`, `[...]`) over bytes."""
    return re.compile(fnmatch.translate(pattern.decode("latin-1")).encode("latin-1"))


def number_of(message: bytes) -> int:
    """Return the sequence number of a message."""
    return int(message[:DIGITS])


def sender_of(message: bytes) -> bytes:
    """Return who sent a message."""
    return message[DIGITS:_LETTER]


def subject_of(message: bytes) -> tuple[bytes, bytes, int]:
    """Return the letter, the name of the cache, and where the rest begins."""
    letter = message[_LETTER:_NAME]
    if letter == NOTHING:
        return letter, b"", len(message)
    end = message.index(0, _NAME)
    return letter, message[_NAME:end], end + 1


def keys_in(message: bytes, at: int) -> list[bytes]:
    """Return the keys that are written from `at` on."""
    keys: list[bytes] = []
    while at < len(message):
        start = at + 2
        at = start + (message[at] << 8 | message[at + 1])
        keys.append(message[start:at])
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
