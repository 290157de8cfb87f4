"""Posting lists against their plain reference: any writes, any merges."""

from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from nova.native.errors import BadInput
from nova.native.fanout import PostingLists, Posts
from nova.native.ids import pack_one, unpack
from tests.native.reference_fanout import PlainLists
from tests.native.trials import MACHINE_TRIALS, TRIALS

AUTHORS = [UUID(int=(9 - at) << 64 | at).bytes for at in range(4)]
# Neighbours differ in the low word, others in the high one.
POSTS = [UUID(int=(at // 3) << 64 | at % 3).bytes for at in range(15)]

authors = st.sampled_from(AUTHORS)
posts = st.sampled_from(POSTS)
metas = st.integers(0, 3)
cursors = st.none() | posts
flags = st.sampled_from([(0, 0), (0, 0), (1, 1), (2, 0), (3, 1), (1, 2)])
asking = st.lists(authors, max_size=2) | st.lists(authors, min_size=4, max_size=9)
wants = st.integers(0, 6) | st.just(50)
written = st.tuples(authors, posts, metas)


def split(buffer: bytes) -> list[bytes]:
    return [pack_one(identifier) for identifier in unpack(buffer)]


def rows(found: Posts) -> list[tuple[bytes, bytes, int]]:
    return list(zip(split(found.ids), split(found.authors), found.meta.tolist(), strict=True))


class PostingListsMachine(RuleBasedStateMachine):
    """Feeds the same writes to both, and asks both everything."""

    def __init__(self) -> None:
        super().__init__()
        self.ours = PostingLists()
        self.plain = PlainLists()

    @rule(batch=st.lists(written, max_size=2) | st.lists(written, min_size=8, max_size=25))
    def insert(self, batch: list[tuple[bytes, bytes, int]]) -> None:
        known = len(self.plain.posts)
        of_authors, of_posts = b"".join(row[0] for row in batch), b"".join(row[1] for row in batch)
        new = self.ours.insert(of_authors, of_posts, [meta for *_, meta in batch])
        for author, post, meta in batch:
            self.plain.posts[post, author] = meta
        assert new == len(self.plain.posts) - known

    @rule(author=authors, post=posts)
    def remove(self, author: bytes, post: bytes) -> None:
        assert self.ours.remove(author, post) == ((post, author) in self.plain.posts)
        self.plain.posts.pop((post, author), None)

    @rule(author=authors)
    def drop_author(self, author: bytes) -> None:
        own = [key for key in self.plain.posts if key[1] == author]
        assert self.ours.drop_authors(author) == len(own)
        for key in own:
            del self.plain.posts[key]

    @rule(before=st.sampled_from(POSTS[:6]))
    def prune(self, before: bytes) -> None:
        old = [key for key in self.plain.posts if key[0] < before]
        assert self.ours.prune(before=before) == len(old)
        for key in old:
            del self.plain.posts[key]

    @rule(asked=asking, want=wants, before=cursors, flag=flags)
    def merge(self, asked: list[bytes], want: int, before: bytes | None, flag: tuple[int, int]) -> None:
        mask, value = flag
        found = self.ours.merge(b"".join(asked), want=want, before=before, mask=mask, value=value)
        assert rows(found) == self.plain.merge(asked, want, before, mask, value)

    @rule(want=wants, before=cursors, flag=flags)
    def latest(self, want: int, before: bytes | None, flag: tuple[int, int]) -> None:
        mask, value = flag
        found = self.ours.latest(want=want, before=before, mask=mask, value=value)
        greatest_first = sorted(AUTHORS, reverse=True)
        assert rows(found) == self.plain.merge(greatest_first, want, before, mask, value)

    @invariant()
    def contents_agree(self) -> None:
        of_authors = [author for _, author in self.plain.posts]
        assert self.ours.counts(b"".join(AUTHORS)).tolist() == [
            of_authors.count(author) for author in AUTHORS
        ]
        assert (len(self.ours), self.ours.authors()) == (len(of_authors), len(set(of_authors)))
        assert self.ours.content_hash() == self.plain.content_hash()


TestPostingLists = PostingListsMachine.TestCase
TestPostingLists.settings = MACHINE_TRIALS


@TRIALS
@given(st.integers(0, 1 << 32), st.integers(1, 300), st.integers(60, 700))
def test_a_scroll_over_many_authors_shows_each_post_once(seed: int, size: int, want: int) -> None:
    made = np.random.default_rng(seed)
    keys = sorted(made.choice(1 << 40, 1_000, replace=False).tolist(), reverse=True)
    owners = (made.pareto(0.7, len(keys)) * 3).astype(int) % size
    ids = [UUID(int=key << 64).bytes for key in keys]
    people = [UUID(int=int(owner)).bytes for owner in owners]
    lists = PostingLists()
    lists.insert(b"".join(people), b"".join(ids), 0)
    everybody = b"".join(sorted(set(people)))
    seen: list[bytes] = []
    while True:
        page = split(lists.merge(everybody, want=want, before=seen[-1] if seen else None).ids)
        seen += page
        if len(page) < want:
            break
    assert seen == ids


@pytest.mark.parametrize(
    ("authors_in", "posts_in", "meta", "words"),
    [
        (AUTHORS[0][:3], POSTS[0], 0, "16 bytes"),
        (AUTHORS[0], POSTS[0] * 2, 0, "one author for each post"),
        (AUTHORS[0], POSTS[0], -1, "meta holds -1: give numbers from 0 that fit 32 bits"),
        (AUTHORS[0], POSTS[0], [1 << 32], "fit 32 bits"),
        (AUTHORS[0], POSTS[0], [1, 2], "give 1"),
    ],
)
def test_bad_input_is_told_how_to_be_mended(
    authors_in: bytes, posts_in: bytes, meta: int, words: str
) -> None:
    lists = PostingLists()
    with pytest.raises(BadInput, match=words):
        lists.insert(authors_in, posts_in, meta)
    assert len(lists) == 0


def test_a_cursor_is_one_id() -> None:
    with pytest.raises(BadInput, match="before holds 2 ids"):
        PostingLists().latest(want=1, before=POSTS[0] + POSTS[1])
