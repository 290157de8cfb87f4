"""Frozen rankings, in Redis for half an hour from their last page.

A slate is one hash: its head (bound and length), its ids, and its entries in compressed chunks of 50, so that a
page reads one or two of them. A user has at most four slates of a kind; a new one ends the oldest.
"""

import asyncio
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError

from nova.api.ranking.v1.ranking_pb2 import RankedPost, RankHomeResponse
from nova.native.ids import ID_BYTES, split
from nova.platform.redis.client import Redis, Script
from nova.services.feed.model import SLATE_MOST, InSlate, Shelf, SlateGone, UserId

KEPT_S: Final = 1800
SLATES_OF_A_USER: Final = 4
_CHUNK: Final = 50
_HEAD: Final = struct.Struct(f">I{ID_BYTES}s")
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
        self, user_id: UserId, shelf: Shelf, slate_id: bytes, *, bound: bytes, posts: Sequence[RankedPost]
    ) -> None:
        """Keep at most 500 ranked posts, best first."""
        kept = posts[:SLATE_MOST]
        fields: list[str | bytes] = ["head", _HEAD.pack(len(kept), bound)]
        fields += ["ids", b"".join(post.post_id for post in kept)]
        for number, start in enumerate(range(0, len(kept), _CHUNK)):
            packed = RankHomeResponse(posts=kept[start : start + _CHUNK]).SerializeToString()
            fields += [str(number), zlib.compress(packed, 1)]
        await self._redis.run(
            _KEEP,
            keys=[_key(user_id, shelf, slate_id), _list_key(user_id, shelf)],
            args=[KEPT_S, SLATES_OF_A_USER, *fields],
        )

    async def part(self, user_id: UserId, place: InSlate, *, want: int) -> tuple[list[RankedPost], int]:
        """Return at most `want` entries from `place.offset` on, and the length. Raises `SlateGone`."""
        first = place.offset // _CHUNK
        chunks = range(first, (place.offset + want - 1) // _CHUNK + 1)
        head, packed = await self._fields(user_id, place, *map(str, chunks))
        try:
            length, _ = _HEAD.unpack(head)
            posts = [post for chunk in packed if chunk is not None for post in _posts(chunk)]
        except (struct.error, zlib.error, DecodeError) as error:
            # Another release wrote it.
            raise SlateGone from error
        start = place.offset - first * _CHUNK
        return posts[start : start + want], length

    async def outline(self, user_id: UserId, place: InSlate) -> Outline:
        """Return which posts the slate holds. Raises `SlateGone`."""
        head, (ids,) = await self._fields(user_id, place, "ids")
        try:
            _, bound = _HEAD.unpack(head)
        except struct.error as error:
            raise SlateGone from error
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


def _posts(chunk: bytes) -> Sequence[RankedPost]:
    return RankHomeResponse.FromString(zlib.decompress(chunk)).posts


def _key(user_id: UserId, shelf: Shelf, slate_id: bytes) -> bytes:
    return b"feed:{%s}:slate:%s:%s" % (user_id.hex.encode(), shelf.value, slate_id.hex().encode())


def _list_key(user_id: UserId, shelf: Shelf) -> bytes:
    return b"feed:{%s}:slates:%s" % (user_id.hex.encode(), shelf.value)
