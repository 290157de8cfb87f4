"""What ranking says of its scores: said once for all posts, it is the same as said for each."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from nova.api.ranking.v1 import ranking_pb2 as pb
from nova.native.ids import split
from nova.native.rank import LinearRanker
from nova.platform.auth.actor import Actor
from nova.platform.rpc.context import CallContext, entered
from nova.services.ranking.model import Candidates, Source, load_model
from nova.services.ranking.server import RankingServer
from nova.services.ranking.service import Rankings
from nova.services.ranking.stages.score_linear import ScoreLinear
from tests.unit.ranking.known import (
    KnownFeatures,
    KnownGraph,
    KnownSettings,
    home,
    index_of,
    person,
    post_id,
    posting,
)

MODEL = load_model()
VALUES = st.one_of(st.just(0.0), st.floats(0, 20, width=32))


@given(
    st.integers(0, 30).flatmap(
        lambda count: st.tuples(
            arrays(np.float32, (count, len(MODEL.features)), elements=VALUES),
            st.lists(st.integers(1, 4), min_size=count, max_size=count),
        )
    ),
    st.integers(1, 40),
)
def test_weights_said_once_are_those_of_every_post(
    drawn: tuple[NDArray[np.float32], list[int]], limit: int
) -> None:
    features, authors = drawn
    candidates = Candidates(
        post_ids=b"".join(post_id(1, number) for number in range(len(authors))),
        author_ids=b"".join(person(author).bytes for author in authors),
        sources=[Source.FOLLOWS if author % 2 else Source.TOPIC for author in authors],
    )
    ranked = ScoreLinear(MODEL).rank(candidates, features, limit=limit)
    assert len(ranked) == min(limit, len(authors))
    direct = LinearRanker(MODEL.weights, MODEL.importance).explain(ranked.values, ranked.multipliers)
    assert np.array_equal(ranked.scores, direct.scores)
    assert np.array_equal(np.outer(ranked.multipliers, ranked.weights), direct.weights)
    place_of = {post: place for place, post in enumerate(split(candidates.post_ids))}
    rows = [place_of[post] for post in split(ranked.post_ids)]
    assert np.array_equal(ranked.values, features[rows])
    assert split(ranked.author_ids) == [person(authors[row]).bytes for row in rows]
    assert list(ranked.sources) == [candidates.sources[row] for row in rows]


async def test_the_answer_holds_the_columns_of_the_ranking() -> None:
    viewer, friend = person(0), person(1)
    posts = [post_id(hours, hours) for hours in range(1, 4)]
    features = KnownFeatures(values={posts[1]: {"post_likes": 3.0}})
    pipeline = home(index_of(*(posting(post, friend) for post in posts)), KnownGraph(), features)
    rankings = Rankings(
        home=pipeline, explore=pipeline, graph=KnownGraph(followed=friend.bytes), settings=KnownSettings()
    )
    actor = Actor(
        user_id=viewer, session_id=viewer, roles=frozenset(), permissions=frozenset({"feed:read"}), token=""
    )
    with entered(CallContext(actor=actor)):
        answer = await RankingServer(rankings).RankHome(pb.RankHomeRequest(limit=2), None)
        ranking = await rankings.home(actor, limit=2, excluded=[])
    said, made = answer.ranked, ranking.posts
    assert (said.post_ids, said.author_ids) == (made.post_ids, friend.bytes * 2)
    assert list(said.sources) == ["follows", "follows"]
    assert list(said.features) == list(MODEL.features)
    assert np.array_equal(np.frombuffer(said.values, "<f4").reshape(2, -1), made.values)
    for column in ("scores", "weights", "multipliers"):
        assert np.array_equal(getattr(said, column), getattr(made, column))
