"""Keeping timelines warm: begun when someone reads, renewed as others post, ended when he follows other people."""

from collections.abc import Sequence

import structlog

from nova.platform.clock import Clock
from nova.platform.rpc.context import in_time
from nova.services.feed.model import NEWEST, UserId
from nova.services.feed.stages.source_following import pairs
from nova.services.feed.stages.stage import LOST
from nova.services.feed.store.postings import Postings
from nova.services.feed.store.readers import Readers
from nova.services.feed.store.timelines import KEPT_S, TIMELINE_MOST, Timelines

_log = structlog.get_logger(__name__)


class Keeping:
    """Timelines are a help: what cannot be kept is logged, and no page and no event waits for it."""

    def __init__(self, *, postings: Postings, readers: Readers, timelines: Timelines, clock: Clock) -> None:
        self._postings = postings
        self._readers = readers
        self._timelines = timelines
        self._clock = clock
        self._incarnation = timelines.incarnation

    async def read(self, viewer_id: UserId, following: bytes) -> None:
        """Keep the newest posts for someone who reads, unless they are kept and nothing changed for him."""
        author_ids, user_id = following + viewer_id.bytes, viewer_id.bytes
        if not self._postings.loaded:
            return
        if self._incarnation != self._timelines.incarnation:
            self._incarnation = self._timelines.incarnation
            self._readers.forget_all()
        now_s = self._clock.monotonic()
        if not self._readers.note(user_id, author_ids, now_s=now_s, fresh_for_s=KEPT_S / 2):
            return
        newest = pairs(self._postings.of_authors(author_ids, want=TIMELINE_MOST, before=NEWEST))
        try:
            async with in_time():
                await self._timelines.keep(user_id, newest)
        except LOST as error:
            self._readers.forget([user_id])
            _log.warning("timeline_not_kept", error=repr(error))

    async def published(self, posts: Sequence[tuple[bytes, bytes]]) -> None:
        """Put new posts, given as (post, author), on the timelines of their readers."""
        try:
            await self._timelines.push(self._for_readers(posts))
        except LOST as error:
            _log.warning("timelines_not_renewed", error=repr(error))

    async def withdrawn(self, posts: Sequence[tuple[bytes, bytes]]) -> None:
        """Take deleted posts, given as (post, author), off the timelines of their readers."""
        try:
            await self._timelines.withdraw(self._for_readers(posts))
        except LOST as error:
            _log.warning("timelines_not_renewed", error=repr(error))

    async def follows_changed(self, user_ids: Sequence[bytes]) -> None:
        """End the timelines of people who follow others than before; the next page begins new ones.

        Also of those who are no readers here: another process, or the one before, may keep a timeline for them.
        """
        changed = list(dict.fromkeys(user_ids))
        self._readers.forget(changed)
        try:
            await self._timelines.drop(changed)
        except LOST as error:
            _log.warning("timelines_not_dropped", error=repr(error))

    def _for_readers(self, posts: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes, bytes]]:
        return [
            (user_id, post_id, author_id)
            for post_id, author_id in posts
            for user_id in self._readers.of(author_id)
        ]
