"""Rows of candidates: what events made of them, faded to now, for the one who asks."""

import numpy as np
import pytest

from nova.api.features.v1 import features_pb2 as pb
from nova.platform.errors import Forbidden, InvalidArgument, Unauthenticated
from nova.platform.ids import uuid7
from nova.services.features.model import DECLARED
from tests.unit.features.conftest import DAY_S, FeaturesHouse, column, rounded


async def test_what_a_reaction_is_worth_to_whom(house: FeaturesHouse) -> None:
    post_id = await house.posted(house.ada, "Dawn", "pond")
    await house.tell(
        house.like(house.kofi, post_id, house.ada),
        house.comment(house.kofi, post_id, house.ada),
        house.share(house.mei, post_id, house.ada),
    )
    common = {
        "post_likes": 1.0,
        "post_comments": 1.0,
        "post_shares": 1.0,
        "author_reactions": 3.0,
        "author_posts": 1.0,
    }
    assert await house.process.row(house.kofi, post_id, house.ada) == {
        **common,
        "pair_likes": 1.0,
        "pair_comments": 1.0,
        "topic_interest": 2.0,
    }
    assert await house.process.row(house.mei, post_id, house.ada) == {
        **common,
        "pair_comments": 1.0,
        "topic_interest": 1.0,
    }
    assert await house.process.row(uuid7(), post_id, house.ada) == common


async def test_what_people_do_to_their_own_posts_is_no_taste(house: FeaturesHouse) -> None:
    post_id = await house.posted(house.ada, "dawn")
    await house.tell(house.like(house.ada, post_id, house.ada))
    row = await house.process.row(house.ada, post_id, house.ada)
    assert set(row) == {"post_likes", "author_reactions", "author_posts"}
    assert await house.process.topics(house.ada) == []


async def test_each_feature_halves_in_its_own_time(house: FeaturesHouse) -> None:
    post_id = await house.posted(house.ada, "dawn")
    await house.tell(house.like(house.kofi, post_id, house.ada))
    house.clock.advance(DAY_S)
    half_lives = {feature.name: feature.half_life_s for feature in DECLARED}
    row = await house.process.row(house.kofi, post_id, house.ada)
    assert rounded(row) == {name: round(2 ** (-DAY_S / half_lives[name]), 4) for name in row}
    assert rounded(row)["post_likes"] == 0.5


async def test_rows_come_in_the_order_of_the_candidates(house: FeaturesHouse) -> None:
    posts = [await house.posted(house.ada) for _ in range(3)]
    for number, post_id in enumerate(posts):
        await house.tell(*(house.like(uuid7(), post_id, house.ada) for _ in range(number)))
    candidates = [(post_id, house.ada) for post_id in (posts[2], posts[0], posts[2], uuid7().bytes)]
    rows = await house.process.rows(house.kofi, *candidates)
    assert column(rows, "post_likes") == [2.0, 0.0, 2.0, 0.0]


async def test_the_strongest_of_a_posts_topics_counts(house: FeaturesHouse) -> None:
    first = await house.posted(house.ada, "pond")
    second = await house.posted(house.ada, "dawn")
    await house.tell(*(house.like(house.kofi, post, house.ada) for post in (first, first, second)))
    both = await house.posted(house.mei, "DAWN", "Pond", "else")
    none = await house.posted(house.mei)
    rows = await house.process.rows(house.kofi, (none, house.mei), (both, house.mei), (none, house.mei))
    assert column(rows, "topic_interest") == [0.0, 2.0, 0.0]


async def test_no_candidates_have_no_rows(house: FeaturesHouse) -> None:
    assert (await house.process.rows(house.kofi)).shape == (0, len(DECLARED))


async def test_an_edit_changes_what_a_post_is_about(house: FeaturesHouse) -> None:
    post_id = await house.posted(house.ada, "pond")
    await house.tell(house.edited(post_id, house.ada, "dawn"))
    await house.tell(house.like(house.kofi, post_id, house.ada))
    assert await house.process.topics(house.kofi) == ["dawn"]
    await house.tell(house.edited(post_id, house.ada, version=3))
    assert "topic_interest" not in await house.process.row(house.kofi, post_id, house.ada)


async def test_a_deleted_post_is_forgotten(house: FeaturesHouse) -> None:
    post_id = await house.posted(house.ada, "pond")
    await house.tell(house.like(house.kofi, post_id, house.ada))
    await house.tell(house.deleted(post_id, house.ada))
    row = await house.process.row(house.kofi, post_id, house.ada)
    assert set(row) == {"author_reactions", "author_posts", "pair_likes"}
    assert await house.process.popular(house.kofi) == []


async def test_features_are_declared_in_the_order_of_their_columns(house: FeaturesHouse) -> None:
    declared = await house.process.stub.DescribeFeatures(pb.DescribeFeaturesRequest())
    assert [feature.name for feature in declared.features] == [feature.name for feature in DECLARED]
    assert all(feature.meaning and feature.half_life_s > 0 for feature in declared.features)
    assert {feature.entity for feature in declared.features} == {"post", "author", "pair", "topic"}


async def test_r8_candidates_are_whole_and_not_too_many(house: FeaturesHouse) -> None:
    whole = uuid7().bytes
    with house.process.neighbourhood.as_user(house.kofi):
        for post_ids, author_ids in (
            (whole[:5], whole[:5]),
            (whole, b""),
            (whole, whole * 2),
            (whole * 2001, whole * 2001),
        ):
            with pytest.raises(InvalidArgument) as refusal:
                await house.process.stub.GetPostRows(
                    pb.GetPostRowsRequest(post_ids=post_ids, author_ids=author_ids)
                )
            assert refusal.value.field == "post_ids"
        most = await house.process.stub.GetPostRows(
            pb.GetPostRowsRequest(post_ids=whole * 2000, author_ids=whole * 2000)
        )
    assert not np.frombuffer(most.rows, "<f4").any()


async def test_asking_needs_a_caller_who_may(house: FeaturesHouse) -> None:
    stub = house.process.stub
    with pytest.raises(Unauthenticated):
        await stub.GetPopular(pb.GetPopularRequest())
    with house.process.neighbourhood.as_user(house.kofi, permissions={"content:read"}):
        for call in (
            stub.GetPostRows(pb.GetPostRowsRequest()),
            stub.GetTopics(pb.GetTopicsRequest()),
            stub.GetPopular(pb.GetPopularRequest()),
        ):
            with pytest.raises(Forbidden):
                await call
