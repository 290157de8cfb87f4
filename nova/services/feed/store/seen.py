"""What people have seen, in Redis: bounded, and forgotten after two weeks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from nova.platform.clock import unix_ms
from nova.platform.redis.client import Redis, Script
from nova.services.feed.model import SEEN_MOST, UserId

_KEPT_S: Final = 14 * 86_400
# What was seen once keeps its first moment (NX): a page is the same however often it is asked for.
_ADD: Final = Script("""
for place = 4, #ARGV do redis.call('ZADD', KEYS[1], 'NX', ARGV[1], ARGV[place]) end
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -tonumber(ARGV[2]) - 1)
redis.call('EXPIRE', KEYS[1], ARGV[3])
""")


class SeenPosts:
    """The last 4,000 posts that each user has seen, with the moment."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def add(self, user_id: UserId, post_ids: Sequence[bytes], seen_at: datetime) -> None:
        """Note that the user has seen these."""
        if post_ids:
            await self._redis.run(
                _ADD, keys=[_key(user_id)], args=[unix_ms(seen_at), SEEN_MOST, _KEPT_S, *post_ids]
            )

    async def latest(self, user_id: UserId) -> list[bytes]:
        """Return what the user has seen, the latest first."""
        found: list[bytes] = await self._redis.execute("ZRANGE", _key(user_id), 0, SEEN_MOST - 1, "REV")
        return found

    async def among(self, user_id: UserId, post_ids: Sequence[bytes], *, before_ms: int) -> frozenset[bytes]:
        """Return those of the posts that the user had seen before a moment (unix milliseconds)."""
        if not post_ids:
            return frozenset()
        scores = await self._redis.execute("ZMSCORE", _key(user_id), *post_ids)
        return frozenset(
            post_id
            for post_id, score in zip(post_ids, scores, strict=True)
            if score is not None and score < before_ms
        )


def _key(user_id: UserId) -> bytes:
    return b"feed:{%s}:seen" % user_id.hex.encode()
