"""The latest reactions that stand, by post: what counts elsewhere when a post's tags come late, change, or go."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

MOST_STANDING: Final = 20_000


@dataclass(frozen=True, slots=True)
class Reacted:
    """What one person did to a post at one moment: how many reactions; taken back before they were made, below 0."""

    user_id: bytes
    at_ms: int
    amount: int


@dataclass(slots=True)
class _Post:
    tags: tuple[str, ...]
    amounts: dict[tuple[bytes, int], int] = field(default_factory=dict)


class Standing:
    """The last 20,000 reactions, each with the tags for which it counts. Posts whose last is oldest go first."""

    def __init__(self, *, most: int = MOST_STANDING) -> None:
        self._most = most
        self._posts: dict[bytes, _Post] = {}
        self._count = 0

    def add(self, post_id: bytes, reacted: Reacted, tags: Sequence[str]) -> None:
        """Note a reaction that counts for `tags`; one and its taking back, in any order, leave nothing."""
        post = self._posts.pop(post_id, None) or _Post(tuple(tags))
        key = (reacted.user_id, reacted.at_ms)
        before = len(post.amounts)
        post.amounts[key] = post.amounts.get(key, 0) + reacted.amount
        if not post.amounts[key]:
            del post.amounts[key]
        self._count += len(post.amounts) - before
        if post.amounts:
            self._posts[post_id] = post
        while self._count > self._most:
            self.forget(next(iter(self._posts)))

    def tags(self, post_id: bytes, default: Sequence[str] = ()) -> Sequence[str]:
        """Return the tags for which the reactions to a post count; `default` when none is known."""
        post = self._posts.get(post_id)
        return default if post is None else post.tags

    def move(self, post_id: bytes, tags: Sequence[str]) -> None:
        """Note that the reactions to a post count for `tags` from now on."""
        post = self._posts.get(post_id)
        if post is not None:
            post.tags = tuple(tags)

    def of(self, post_id: bytes) -> Iterator[Reacted]:
        """Yield the reactions to a post."""
        post = self._posts.get(post_id)
        if post is not None:
            for (user_id, at_ms), amount in post.amounts.items():
                yield Reacted(user_id, at_ms, amount)

    def forget(self, post_id: bytes) -> None:
        """Drop the reactions to a post."""
        post = self._posts.pop(post_id, None)
        if post is not None:
            self._count -= len(post.amounts)

    def dump(self) -> list[Any]:
        """Return all, as JSON can hold it: for a snapshot."""
        return [
            [
                post_id.hex(),
                post.tags,
                [[one.user_id.hex(), one.at_ms, one.amount] for one in self.of(post_id)],
            ]
            for post_id, post in self._posts.items()
        ]

    def restore(self, posts: Iterable[Any]) -> None:
        """Replace all by what `dump` gave."""
        self._posts = {
            bytes.fromhex(post_id): _Post(
                tuple(tags), {(bytes.fromhex(user_id), at_ms): amount for user_id, at_ms, amount in rows}
            )
            for post_id, tags, rows in posts
        }
        self._count = len(self)

    def __len__(self) -> int:
        return sum(len(post.amounts) for post in self._posts.values())
