"""Totals of posts: PostgreSQL holds them exactly, the cache keeps them near."""

import struct
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from nova.platform.cache.two_layer import Cache
from nova.services.social.model import PostId, Totals
from nova.services.social.store.reactions import ReactionStore

_FORMAT: Final = struct.Struct("<3q")


class TotalsCodec:
    """Totals as 24 bytes: likes, comments, shares."""

    def encode(self, value: Totals) -> bytes:
        """Return the bytes of some totals."""
        return _FORMAT.pack(value.likes, value.comments, value.shares)

    def decode(self, data: bytes) -> Totals:
        """Return the totals of some bytes."""
        likes, comments, shares = _FORMAT.unpack(data)
        return Totals(likes=likes, comments=comments, shares=shares)


class CachedCounters:
    """Implements `Counters`: near copies of the counters, dropped everywhere once a change is committed."""

    def __init__(self, *, store: ReactionStore, cache: Cache[Totals]) -> None:
        self._store = store
        self._cache = cache

    async def get(self, post_ids: Sequence[PostId]) -> dict[PostId, Totals]:
        """Return the totals of each post."""
        found = await self._cache.get_many([post_id.bytes for post_id in post_ids], self._load)
        return {post_id: found[post_id.bytes] or Totals() for post_id in post_ids}

    async def changed(self, *post_ids: PostId) -> None:
        """Drop the copies of these posts' totals: the reader after us sees what we wrote."""
        await self._cache.invalidate(*(post_id.bytes for post_id in post_ids))

    async def _load(self, keys: Sequence[bytes]) -> Mapping[bytes, Totals]:
        totals = await self._store.totals([PostId(UUID(bytes=key)) for key in keys])
        return {post_id.bytes: value for post_id, value in totals.items()}
