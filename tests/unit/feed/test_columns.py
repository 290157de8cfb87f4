"""Ranked posts in columns: cut anywhere and read post by post, they say what was said of each post."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova.api.ranking.v1.ranking_pb2 import RankedPosts
from nova.native.ids import ID_BYTES
from nova.services.feed.model import Entry, Reasons
from nova.services.feed.store.columns import cut, entries

FEATURES = ("recency", "from_followed", "post_likes")
VALUE = st.one_of(st.just(0.0), st.floats(-100, 100, width=32))
NUMBER = st.floats(-100, 100)
POST = st.tuples(
    st.binary(min_size=ID_BYTES, max_size=ID_BYTES),
    st.binary(min_size=ID_BYTES, max_size=ID_BYTES),
    st.sampled_from(["follows", "topic"]),
    st.tuples(VALUE, VALUE, VALUE),
    NUMBER,
)
Post = tuple[bytes, bytes, str, tuple[float, ...], float]


def explained(posts: Sequence[Post], weights: Sequence[float]) -> list[Entry]:
    """Say of each post by itself what its score is made of."""
    found = []
    for post_id, author_id, source, values, multiplier in posts:
        addends = [
            (name, value, weight * multiplier)
            for name, value, weight in zip(FEATURES, values, weights, strict=True)
            if value
        ]
        score = sum(value * weight for _, value, weight in addends)
        reasons = Reasons(*zip(*addends, strict=True))
        found.append(Entry(post_id=post_id, author_id=author_id, source=source, score=score, reasons=reasons))
    return found


def packed(posts: Sequence[Post], weights: Sequence[float]) -> RankedPosts:
    """Say the same of all posts column by column."""
    return RankedPosts(
        post_ids=b"".join(post[0] for post in posts),
        author_ids=b"".join(post[1] for post in posts),
        sources=[post[2] for post in posts],
        scores=[entry.score for entry in explained(posts, weights)],
        features=FEATURES,
        weights=weights,
        multipliers=[post[4] for post in posts],
        values=np.array([post[3] for post in posts], "<f4").tobytes(),
    )


@given(st.lists(POST, max_size=12), st.tuples(NUMBER, NUMBER, NUMBER), st.integers(0, 12), st.integers(0, 12))
def test_packed_and_unpacked_is_explained_directly(
    posts: list[Post], weights: tuple[float, ...], start: int, size: int
) -> None:
    sent = RankedPosts.FromString(packed(posts, weights).SerializeToString())
    assert entries(sent) == explained(posts, weights)
    assert entries(cut(sent, start, start + size)) == explained(posts[start : start + size], weights)


@pytest.mark.parametrize(
    "more",
    [
        RankedPosts(post_ids=bytes(ID_BYTES)),
        RankedPosts(sources=["topic"]),
        RankedPosts(scores=[1.0]),
        RankedPosts(features=["on_topic"]),
        RankedPosts(multipliers=[1.0]),
        RankedPosts(values=bytes(8)),
    ],
)
def test_columns_that_do_not_fit_are_refused(more: RankedPosts) -> None:
    post = (bytes(ID_BYTES), bytes(ID_BYTES), "follows", (1.0, 0.0, 2.0), 1.0)
    posts = packed([post, post], (1.0, 2.0, 3.0))
    posts.MergeFrom(more)
    with pytest.raises(ValueError, match=r"shape|shorter|longer"):
        entries(posts)
