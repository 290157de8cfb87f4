"""The postings that ranking recalls from, in memory: by author, and by tag."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from nova.native.fanout import PostingLists, Posts
from nova.native.ids import ID_BYTES, split
from nova.platform.versions import FIRST, Versions
from nova.policy.visibility import Audience

EVERYONE: Final = Audience.EVERYONE.value
"""The audience that people beyond the author's followers may see: the flag of a posting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """A post as far as recall goes. `audience` is the number of the proto's enum."""

    post_id: bytes
    author_id: bytes
    audience: int
    tags: Sequence[str]
    version: int = FIRST


def tag_id(tag: str) -> bytes:
    """Return the 16 bytes under which the posts of a tag are listed; case does not matter."""
    return blake2b(tag.lower().encode(), digest_size=ID_BYTES).digest()


class PostIndex:
    """Postings by author and by tag, told in any order and again: the highest version wins, deletion over all."""

    def __init__(self) -> None:
        self._by_author = PostingLists()
        self._by_tag = PostingLists()
        self._known: dict[bytes, tuple[bytes, tuple[str, ...]]] = {}
        self._versions = Versions()

    def replace(self, truth: "PostIndex") -> None:
        """Take the postings of an index that was filled from the truth; what news are old is still known."""
        self._by_author, self._by_tag = truth._by_author, truth._by_tag  # noqa: SLF001 - one of its kind
        self._known = truth._known  # noqa: SLF001

    def put(self, postings: Iterable[Posting]) -> None:
        """Add posts, or what they have become."""
        batch = self._versions.news(postings, lambda posting: (posting.post_id, posting.version))
        self._untag(posting.post_id for posting in batch)
        self._by_author.insert(
            b"".join(posting.author_id for posting in batch),
            b"".join(posting.post_id for posting in batch),
            [posting.audience for posting in batch],
        )
        tagged = [(posting, tag) for posting in batch for tag in posting.tags]
        if tagged:
            self._by_tag.insert(
                b"".join(tag_id(tag) for _, tag in tagged),
                b"".join(posting.post_id for posting, _ in tagged),
                [posting.audience for posting, _ in tagged],
            )
        for posting in batch:
            self._known[posting.post_id] = (posting.author_id, tuple(posting.tags))
        self._versions.note((posting.post_id, posting.version) for posting in batch)

    def remove(self, posts: Iterable[tuple[bytes, bytes]]) -> None:
        """Remove posts, given as (post, author)."""
        batch = list(posts)
        self._untag(post_id for post_id, _ in batch)
        self._by_author.remove(
            b"".join(author_id for _, author_id in batch), b"".join(post_id for post_id, _ in batch)
        )
        for post_id, _ in batch:
            self._known.pop(post_id, None)
        self._versions.bury(post_id for post_id, _ in batch)

    def of_authors(self, author_ids: bytes, *, want: int, open_to_all: bool = False) -> Posts:
        """Return the newest posts of these authors; with `open_to_all` only what everyone may see."""
        mask = 0xFF if open_to_all else 0
        return self._by_author.merge(author_ids, want=want, mask=mask, value=EVERYONE if open_to_all else 0)

    def of_tags(self, tags: Sequence[str], *, want: int) -> tuple[bytes, bytes]:
        """Return (post ids, author ids), packed, of the newest posts with these tags that everyone may see."""
        found = self._by_tag.merge(b"".join(map(tag_id, tags)), want=want, mask=0xFF, value=EVERYONE).ids
        return found, b"".join(self._known[post_id][0] for post_id in split(found))

    def newest(self, *, want: int) -> Posts:
        """Return the newest posts that everyone may see."""
        return self._by_author.latest(want=want, mask=0xFF, value=EVERYONE)

    def content_hash(self) -> bytes:
        """Return 16 bytes that depend on all posts, their authors, audiences and tags."""
        both = self._by_author.content_hash() + self._by_tag.content_hash()
        return blake2b(both, digest_size=ID_BYTES).digest()

    def __len__(self) -> int:
        return len(self._by_author)

    def _untag(self, post_ids: Iterable[bytes]) -> None:
        tagged = [
            (tag, post_id)
            for post_id in post_ids
            if post_id in self._known
            for tag in self._known[post_id][1]
        ]
        if tagged:
            self._by_tag.remove(
                b"".join(tag_id(tag) for tag, _ in tagged), b"".join(post_id for _, post_id in tagged)
            )
