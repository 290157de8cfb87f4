"""The home ranking: what is found, in which order, why, and what happens when a part is away."""

from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nova.native.ids import split
from nova.platform.auth.actor import Actor
from nova.platform.errors import Forbidden
from nova.services.ranking.model import RankedPosts, Ranking, Source
from nova.services.ranking.service import Rankings
from nova.services.ranking.store import PostIndex
from tests.unit.ranking.known import (
    DECLARED,
    KnownFeatures,
    KnownGraph,
    KnownSettings,
    home,
    index_of,
    person,
    post_id,
    posting,
    query,
)

VIEWER, FRIEND, FAR, STRANGER = (person(number) for number in range(4))
FOLLOWERS = 2


def found(ranking: Ranking) -> dict[bytes, Source]:
    return dict(zip(split(ranking.posts.post_ids), ranking.posts.sources, strict=True))


def named_in(posts: RankedPosts) -> list[set[str]]:
    """What each score is made of."""
    return [{name for name, value in zip(posts.features, row, strict=True) if value} for row in posts.values]


async def test_each_source_finds_its_own_and_a_post_comes_once() -> None:
    own, followed, far, liked, leader = (post_id(1, number) for number in range(5))
    index = index_of(
        posting(own, VIEWER),
        posting(followed, FRIEND, tags=["tea"]),
        posting(far, FAR),
        posting(liked, STRANGER, tags=["Tea"]),
        posting(leader, STRANGER),
    )
    graph = KnownGraph(people=FAR.bytes)
    features = KnownFeatures(liked_tags=["tea"], leaders=(leader + followed, STRANGER.bytes + FRIEND.bytes))
    ranking = await home(index, graph, features).run(query(VIEWER, FRIEND))
    assert ranking.degraded == []
    assert found(ranking) == {
        own: Source.FOLLOWS,
        followed: Source.FOLLOWS,
        far: Source.SECOND_DEGREE,
        liked: Source.TOPIC,
        leader: Source.POPULAR,
    }


async def test_strangers_show_only_what_everyone_may_see() -> None:
    index = index_of(
        posting(post_id(1), FAR, audience=FOLLOWERS, tags=["tea"]),
        posting(post_id(2), FRIEND, audience=FOLLOWERS),
    )
    features = KnownFeatures(liked_tags=["tea"])
    ranking = await home(index, KnownGraph(people=FAR.bytes), features).run(query(VIEWER, FRIEND))
    assert found(ranking) == {post_id(2): Source.FOLLOWS}


async def test_a_fresh_post_of_a_friend_outranks_a_liked_one_of_last_week() -> None:
    fresh, old = post_id(0.1), post_id(24 * 7)
    index = index_of(posting(fresh, FRIEND), posting(old, STRANGER))
    features = KnownFeatures(leaders=(old, STRANGER.bytes), values={old: {"post_likes": 20.0}})
    ranking = await home(index, KnownGraph(), features).run(query(VIEWER, FRIEND))
    assert split(ranking.posts.post_ids) == [fresh, old]


async def test_one_author_does_not_fill_the_page() -> None:
    busy = [post_id(0.1, number) for number in range(5)]
    other = post_id(3)
    index = index_of(*(posting(post, FRIEND) for post in busy), posting(other, FAR))
    ranking = await home(index, KnownGraph(), KnownFeatures()).run(query(VIEWER, FRIEND, FAR))
    assert split(ranking.posts.post_ids).index(other) == 1


@pytest.mark.parametrize(
    "features", [KnownFeatures(down=True), KnownFeatures(hangs=True)], ids=["down", "hangs"]
)
async def test_a_source_that_is_dead_or_late_is_named_and_left_out(features: KnownFeatures) -> None:
    index = index_of(posting(post_id(1), FRIEND))
    ranking = await home(index, KnownGraph(), features).run(query(VIEWER, FRIEND))
    assert ranking.degraded == ["topic", "popular", "features"]
    assert list(found(ranking)) == [post_id(1)]


async def test_explore_leaves_out_whom_one_knows() -> None:
    index = index_of(posting(post_id(1), FRIEND), posting(post_id(2), VIEWER), posting(post_id(3), STRANGER))
    ranking = await home(index, KnownGraph(), KnownFeatures(), explore=True).run(query(VIEWER, FRIEND))
    assert found(ranking) == {post_id(3): Source.FRESH}


async def test_without_personalisation_what_one_did_counts_nothing() -> None:
    index = index_of(posting(post_id(1), FRIEND, tags=["tea"]), posting(post_id(2), STRANGER, tags=["tea"]))
    values = {post_id(1): {"pair_likes": 50.0, "topic_interest": 9.0, "post_likes": 1.0}}
    pipeline = home(index, KnownGraph(), KnownFeatures(values=values, liked_tags=["tea"]))
    neutral = await pipeline.run(query(VIEWER, FRIEND, personalised=False))
    assert found(neutral) == {post_id(1): Source.FOLLOWS}
    (named,) = named_in(neutral.posts)
    assert "post_likes" in named
    assert not named & {"pair_likes", "topic_interest"}


async def test_excluded_posts_do_not_come_back_and_the_limit_holds() -> None:
    posts = [post_id(1, number) for number in range(20)]
    rankings = Rankings(
        home=home(index_of(*(posting(post, FRIEND) for post in posts)), KnownGraph(), KnownFeatures()),
        explore=home(PostIndex(), KnownGraph(), KnownFeatures(), explore=True),
        graph=KnownGraph(followed=FRIEND.bytes),
        settings=KnownSettings(),
    )
    ranking = await rankings.home(actor(VIEWER), limit=5, excluded=posts[:10])
    assert len(ranking.posts) == 5
    assert set(found(ranking)) <= set(posts[10:])
    with pytest.raises(Forbidden):
        await rankings.home(actor(VIEWER, permissions=frozenset()), limit=5, excluded=[])


@pytest.mark.parametrize("graph", [KnownGraph(down=True), KnownGraph(hangs=True)])
async def test_graph_and_settings_away_are_named_and_nobody_is_profiled(graph: KnownGraph) -> None:
    leader = post_id(1)
    features = KnownFeatures(
        leaders=(leader, STRANGER.bytes), values={leader: {"topic_interest": 5.0, "post_likes": 2.0}}
    )
    rankings = Rankings(
        home=home(index_of(posting(leader, STRANGER)), graph, features),
        explore=home(PostIndex(), graph, features, explore=True),
        graph=graph,
        settings=KnownSettings(down=True),
    )
    ranking = await rankings.home(actor(VIEWER), limit=10, excluded=[])
    assert sorted(ranking.degraded) == ["follows", "second_degree", "settings"]
    assert named_in(ranking.posts) == [{"recency", "post_likes"}]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(0, 2000, width=32),
            st.integers(1, 3),
            st.dictionaries(st.sampled_from(DECLARED), st.floats(-1, 1e5, width=32)),
        ),
        min_size=1,
        max_size=12,
    )
)
async def test_every_score_is_the_sum_of_what_it_is_made_of(
    drawn: list[tuple[float, int, dict[str, float]]],
) -> None:
    posts = [post_id(age, number) for number, (age, _, _) in enumerate(drawn)]
    authors = [person(author) for _, author, _ in drawn]
    features = KnownFeatures(values={post: values for post, (_, _, values) in zip(posts, drawn, strict=True)})
    index = index_of(*(posting(post, author) for post, author in zip(posts, authors, strict=True)))
    ranking = await home(index, KnownGraph(), features).run(query(VIEWER, *set(authors)))
    assert set(found(ranking)) == set(posts)
    made = ranking.posts
    addends = made.values * made.weights * made.multipliers[:, None]
    np.testing.assert_allclose(made.scores, addends.sum(axis=1), rtol=0, atol=1e-9)
    assert (np.diff(made.scores) <= 0.0).all()


def actor(user_id: UUID, permissions: frozenset[str] = frozenset({"feed:read"})) -> Actor:
    return Actor(user_id=user_id, session_id=person(99), roles=frozenset(), permissions=permissions, token="")
