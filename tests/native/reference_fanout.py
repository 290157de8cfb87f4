"""Posting lists in plain Python: one dict of posts, and every answer a sort of it."""

from dataclasses import dataclass, field

from tests.native.reference_hash import content_hash, id_words


@dataclass
class PlainLists:
    """Flags by (post, author)."""

    posts: dict[tuple[bytes, bytes], int] = field(default_factory=dict)

    def merge(
        self, authors: list[bytes], want: int, before: bytes | None, mask: int, value: int
    ) -> list[tuple[bytes, bytes, int]]:
        """Return (post, author, meta), newest first, each post once under the first of its authors."""
        place = {author: at for at, author in reversed(list(enumerate(authors)))}
        eligible = [
            (post, author, meta)
            for (post, author), meta in self.posts.items()
            if author in place and (before is None or post < before) and meta & mask == value
        ]
        eligible.sort(key=lambda found: place[found[1]])
        eligible.sort(key=lambda found: found[0], reverse=True)
        once: dict[bytes, tuple[bytes, bytes, int]] = {}
        for found in eligible:
            once.setdefault(found[0], found)
        return list(once.values())[:want]

    def content_hash(self) -> bytes:
        return content_hash(
            (*id_words(author), *id_words(post), meta) for (post, author), meta in self.posts.items()
        )
