"""Frozen rankings, in Redis for half an hour from their last page.

A slate is one hash: its head (form, length and bound), its ids, and its entries in chunks of 50, column by column, so
that a page reads one or two of them. A user has at most four slates of a kind; a new one ends the oldest. Chunks are
not compressed: ids and numbers would give a third at the price of a millisecond.
"""

import asyncio
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from google.protobuf.message import DecodeError

from nova.api.ranking.v1.ranking_pb2 import RankedPosts
from nova.native.ids import ID_BYTES, split
from nova.platform.redis.client import Redis, Script
from nova.services.feed.model import SLATE_MOST, Entry, InSlate, Shelf, SlateGone, UserId
from nova.services.feed.store.columns import cut, entries

KEPT_S: Final = 1800
SLATES_OF_A_USER: Final = 4
_CHUNK: Final = 50
_FORM: Final = 2
"""Which form the entries have. Another release may write another: who scrolls in its slate begins again."""
_HEAD: Final = struct.Struct(f">BI{ID_BYTES}s")
_KEEP: Final = Script("""
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
redis.call('EXPIRE', KEYS[1], ARGV[1])
redis.call('LPUSH', KEYS[2], KEYS[1])
redis.call('EXPIRE', KEYS[2], ARGV[1])
for _, old in ipairs(redis.call('LRANGE', KEYS[2], ARGV[2], -1)) do redis.call('DEL', old) end
redis.call('LTRIM', KEYS[2], 0, ARGV[2] - 1)
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """Which posts a slate holds, and the bound: posts from there on were not there yet when it was made."""

    bound: bytes
    post_ids: frozenset[bytes]


class Slates:
    """Keeps slates, each for the one user whose it is."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def keep(
        self, user_id: UserId, shelf: Shelf, slate_id: bytes, *, bound: bytes, posts: RankedPosts
    ) -> None:
        """Keep at most 500 ranked posts, best first."""
        length = min(len(posts.scores), SLATE_MOST)
        fields: list[str | bytes] = ["head", _HEAD.pack(_FORM, length, bound)]
        fields += ["ids", posts.post_ids[: length * ID_BYTES]]
        for number, start in enumerate(range(0, length, _CHUNK)):
            chunk = cut(posts, start, min(start + _CHUNK, length))
            fields += [str(number), chunk.SerializeToString()]
        await self._redis.run(
            _KEEP,
            keys=[_key(user_id, shelf, slate_id), _list_key(user_id, shelf)],
            args=[KEPT_S, SLATES_OF_A_USER, *fields],
        )

    async def part(self, user_id: UserId, place: InSlate, *, want: int) -> tuple[list[Entry], int]:
        """Return at most `want` entries from `place.offset` on, and the length. Raises `SlateGone`."""
        start, stop = place.offset, place.offset + want
        chunks = range(start // _CHUNK, (stop - 1) // _CHUNK + 1)
        head, packed = await self._fields(user_id, place, *map(str, chunks))
        try:
            length, _ = _read(head)
            found = [
                _between(chunk, start - number * _CHUNK, stop - number * _CHUNK)
                for number, chunk in zip(chunks, packed, strict=True)
                if chunk is not None
            ]
        except (DecodeError, ValueError) as error:
            raise SlateGone from error
        return list(chain.from_iterable(found)), length

    async def outline(self, user_id: UserId, place: InSlate) -> Outline:
        """Return which posts the slate holds. Raises `SlateGone`."""
        head, (ids,) = await self._fields(user_id, place, "ids")
        _, bound = _read(head)
        return Outline(bound=bound, post_ids=frozenset(split(ids or b"")))

    async def _fields(
        self, user_id: UserId, place: InSlate, *names: str
    ) -> tuple[bytes, Sequence[bytes | None]]:
        """Return the head and other fields of a slate, and keep it for another while."""
        key = _key(user_id, place.shelf, place.slate_id)
        (head, *fields), _ = await asyncio.gather(
            self._redis.execute("HMGET", key, "head", *names), self._redis.execute("EXPIRE", key, KEPT_S)
        )
        if head is None:
            raise SlateGone
        return head, fields


def _between(chunk: bytes, start: int, stop: int) -> list[Entry]:
    return entries(cut(RankedPosts.FromString(chunk), max(start, 0), stop))


def _read(head: bytes) -> tuple[int, bytes]:
    """Return the length and the bound. Raises `SlateGone` for a slate of another form."""
    if len(head) != _HEAD.size or head[0] != _FORM:
        raise SlateGone
    _, length, bound = _HEAD.unpack(head)
    return length, bound


def _key(user_id: UserId, shelf: Shelf, slate_id: bytes) -> bytes:
    return b"feed:{%s}:slate:%s:%s" % (user_id.hex.encode(), shelf.value, slate_id.hex().encode())


def _list_key(user_id: UserId, shelf: Shelf) -> bytes:
    return b"feed:{%s}:slates:%s" % (user_id.hex.encode(), shelf.value)
