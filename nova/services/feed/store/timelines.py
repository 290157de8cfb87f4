"""The newest posts of the people whom someone follows, in Redis: what a page is made of when the graph is late."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from nova.native.ids import ID_BYTES
from nova.platform.redis.client import Redis, Script

TIMELINE_MOST: Final = 100
KEPT_S: Final = 86_400
_BURST: Final = 500

# Entries are post and author, 32 bytes; all scores are 0, so they lie in the order of their ids (by time).
# What lay there goes: it may be of people who are no longer followed. A post that arrives meanwhile comes after this,
# on the same connection.
_KEEP: Final = Script("""
redis.call('DEL', KEYS[1])
for place = 3, #ARGV do redis.call('ZADD', KEYS[1], 0, ARGV[place]) end
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -tonumber(ARGV[1]) - 1)
redis.call('EXPIRE', KEYS[1], ARGV[2])
""")
# A timeline that is no longer kept is not begun by one post: it would look as if there were no others.
_PUSH: Final = Script("""
if redis.call('EXISTS', KEYS[1]) == 0 then return end
for place = 2, #ARGV do redis.call('ZADD', KEYS[1], 0, ARGV[place]) end
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -tonumber(ARGV[1]) - 1)
""")


class Timelines:
    """The newest 100 (post, author) of each active user, unchecked."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    @property
    def incarnation(self) -> int:
        """A number that grows whenever Redis comes back, perhaps without what it held."""
        return self._redis.incarnation

    async def keep(self, user_id: bytes, posts: Iterable[tuple[bytes, bytes]]) -> None:
        """Keep just these posts, given as (post, author), for a day from now."""
        entries = [post_id + author_id for post_id, author_id in posts]
        await self._redis.run(_KEEP, keys=[_key(user_id)], args=[TIMELINE_MOST, KEPT_S, *entries])

    async def push(self, posts: Sequence[tuple[bytes, bytes, bytes]]) -> None:
        """Add new posts to timelines that are kept; each is (user, post, author)."""
        for start in range(0, len(posts), _BURST):
            await asyncio.gather(
                *(
                    self._redis.run(_PUSH, keys=[_key(user_id)], args=[TIMELINE_MOST, post_id + author_id])
                    for user_id, post_id, author_id in posts[start : start + _BURST]
                )
            )

    async def withdraw(self, posts: Sequence[tuple[bytes, bytes, bytes]]) -> None:
        """Take posts out of timelines; each is (user, post, author)."""
        for start in range(0, len(posts), _BURST):
            await asyncio.gather(
                *(
                    self._redis.execute("ZREM", _key(user_id), post_id + author_id)
                    for user_id, post_id, author_id in posts[start : start + _BURST]
                )
            )

    async def drop(self, user_ids: Sequence[bytes]) -> None:
        """Forget the timelines of these users."""
        await asyncio.gather(*(self._redis.execute("DEL", _key(user_id)) for user_id in user_ids))

    async def page(self, user_id: bytes, *, want: int, before: bytes) -> list[tuple[bytes, bytes]]:
        """Return (post, author) of at most `want` posts older than `before`, newest first."""
        entries: list[bytes] = await self._redis.execute(
            "ZRANGE", _key(user_id), b"(" + before, "-", "BYLEX", "REV", "LIMIT", 0, want
        )
        return [(entry[:ID_BYTES], entry[ID_BYTES:]) for entry in entries]


def _key(user_id: bytes) -> bytes:
    return b"feed:{%s}:timeline" % user_id.hex().encode()
