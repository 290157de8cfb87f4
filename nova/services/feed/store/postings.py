"""The posts of all authors, in memory."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from nova.native.fanout import PostingLists, Posts

EVERYONE: Final = 1
"""The audience that everyone may see, as content numbers it."""
_AUDIENCE: Final = 0xFF
_TYPE_SHIFT: Final = 8
_GONE: Final = 1 << 62
_REMEMBERED: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """A post as far as a timeline goes. Audience and content type are numbers of content's enums."""

    post_id: bytes
    author_id: bytes
    audience: int
    content_type: int
    version: int = 1

    @property
    def meta(self) -> int:
        """The flags of a posting list: the audience in the lowest byte, the content type in the next."""
        return self.audience | self.content_type << _TYPE_SHIFT


class Postings:
    """Posting lists that take news in any order: of the versions of a post the highest wins, and deletion over all.

    The versions of the last 20,000 edits and deletions are remembered for that; older news are no longer on
    their way.
    """

    def __init__(self) -> None:
        self._lists = PostingLists()
        self._versions: dict[bytes, int] = {}
        self.loaded = False

    def replace(self, lists: PostingLists) -> None:
        """Take these lists, which were loaded from the truth."""
        self._lists = lists
        self.loaded = True

    def put(self, postings: Iterable[Posting]) -> None:
        """Add posts, or what they have become."""
        fresh = [posting for posting in postings if self._is_news(posting.post_id, posting.version)]
        fill(self._lists, fresh)
        self._remember((posting.post_id, posting.version) for posting in fresh if posting.version > 1)

    def remove(self, posts: Iterable[tuple[bytes, bytes]]) -> None:
        """Remove posts, given as (post, author)."""
        gone = list(posts)
        self._lists.remove(
            b"".join(author_id for _, author_id in gone), b"".join(post_id for post_id, _ in gone)
        )
        self._remember((post_id, _GONE) for post_id, _ in gone)

    def of_authors(self, author_ids: bytes, *, want: int, before: bytes) -> Posts:
        """Return the newest `want` posts of these authors older than `before`."""
        return self._lists.merge(author_ids, want=want, before=before)

    def of_everyone(self, *, want: int, before: bytes) -> Posts:
        """Return the newest `want` posts older than `before` that everyone may see."""
        return self._lists.latest(want=want, before=before, mask=_AUDIENCE, value=EVERYONE)

    def newest(self) -> bytes | None:
        """Return the id of the newest post, whoever may see it."""
        return self._lists.latest(want=1).ids or None

    def content_hash(self) -> bytes:
        """Return 16 bytes that depend on all posts, their authors and flags."""
        return self._lists.content_hash()

    def __len__(self) -> int:
        return len(self._lists)

    def _is_news(self, post_id: bytes, version: int) -> bool:
        return version > self._versions.get(post_id, 0)

    def _remember(self, versions: Iterable[tuple[bytes, int]]) -> None:
        for post_id, version in versions:
            self._versions.pop(post_id, None)
            self._versions[post_id] = version
        while len(self._versions) > _REMEMBERED:
            del self._versions[next(iter(self._versions))]


def fill(lists: PostingLists, postings: Iterable[Posting]) -> None:
    """Add posts to `lists` in one call."""
    batch = list(postings)
    if batch:
        lists.insert(
            b"".join(posting.author_id for posting in batch),
            b"".join(posting.post_id for posting in batch),
            [posting.meta for posting in batch],
        )
