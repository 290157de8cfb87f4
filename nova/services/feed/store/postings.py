"""The posts of all authors, in memory."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from nova.api.content.v1.content_pb2 import AUDIENCE_EVERYONE
from nova.native.fanout import PostingLists, Posts
from nova.platform.versions import FIRST, Versions

_AUDIENCE: Final = 0xFF
_TYPE_SHIFT: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """A post as far as a timeline goes. Audience and content type are numbers of content's enums."""

    post_id: bytes
    author_id: bytes
    audience: int
    content_type: int
    version: int = FIRST

    @property
    def meta(self) -> int:
        """The flags of a posting list: the audience in the lowest byte, the content type in the next."""
        return self.audience | self.content_type << _TYPE_SHIFT


class Postings:
    """Posting lists that take news in any order: of the versions of a post the highest wins, and deletion over all."""

    def __init__(self) -> None:
        self._lists = PostingLists()
        self._versions = Versions()
        self.loaded = False

    def replace(self, lists: PostingLists) -> None:
        """Take these lists, which were loaded from the truth."""
        self._lists = lists
        self.loaded = True

    def put(self, postings: Iterable[Posting]) -> None:
        """Add posts, or what they have become."""
        fresh = self._versions.news(postings, lambda posting: (posting.post_id, posting.version))
        fill(self._lists, fresh)
        self._versions.note((posting.post_id, posting.version) for posting in fresh)

    def remove(self, posts: Iterable[tuple[bytes, bytes]]) -> None:
        """Remove posts, given as (post, author)."""
        gone = list(posts)
        self._lists.remove(
            b"".join(author_id for _, author_id in gone), b"".join(post_id for post_id, _ in gone)
        )
        self._versions.bury(post_id for post_id, _ in gone)

    def is_gone(self, post_id: bytes) -> bool:
        """Return whether a post is known to be deleted."""
        return self._versions.is_gone(post_id)

    def of_authors(self, author_ids: bytes, *, want: int, before: bytes) -> Posts:
        """Return the newest `want` posts of these authors older than `before`."""
        return self._lists.merge(author_ids, want=want, before=before)

    def of_everyone(self, *, want: int, before: bytes) -> Posts:
        """Return the newest `want` posts older than `before` that everyone may see."""
        return self._lists.latest(want=want, before=before, mask=_AUDIENCE, value=AUDIENCE_EVERYONE)

    def newest(self) -> bytes | None:
        """Return the id of the newest post, whoever may see it."""
        return self._lists.latest(want=1).ids or None

    def content_hash(self) -> bytes:
        """Return 16 bytes that depend on all posts, their authors and flags."""
        return self._lists.content_hash()

    def __len__(self) -> int:
        return len(self._lists)


def fill(lists: PostingLists, postings: Iterable[Posting]) -> None:
    """Add posts to `lists` in one call."""
    batch = list(postings)
    if batch:
        lists.insert(
            b"".join(posting.author_id for posting in batch),
            b"".join(posting.post_id for posting in batch),
            [posting.meta for posting in batch],
        )
