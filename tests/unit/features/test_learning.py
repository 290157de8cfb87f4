"""Learning: each event counts once, in any order, and what is taken back leaves nothing."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova.api.social.v1.events_pb2 import LikeEvent
from nova.platform.auth.actor import Actor
from nova.platform.clock import FixedClock
from nova.platform.events import Event, Received
from nova.platform.ids import uuid7
from nova.services.features import events
from nova.services.features.model import DECLARED
from nova.services.features.service.handled import Handled
from nova.services.features.service.interests import TAGS_OF_A_PERSON, Interests
from nova.services.features.service.leaders import HALF_LIFE_MS, Leaders
from nova.services.features.service.learning import Learning
from nova.services.features.service.memory import Memory
from nova.services.features.service.serving import Serving
from tests.unit.features.conftest import COLUMNS, DAY_S, FeaturesHouse

START = datetime(2026, 5, 1, tzinfo=UTC)
POSTS = [UUID(int=number + (1 << 100)) for number in range(3)]
AUTHOR, VIEWER = UUID(int=7 << 90), UUID(int=9 << 90)
HALF_LIVES_S = {feature.name: feature.half_life_s for feature in DECLARED}


def received(value: LikeEvent, event_id: UUID | None = None) -> Received[LikeEvent]:
    return Received(
        id=event_id or uuid7(), topic="social.like.created", key=value.post_id, value=value,
        emitted_at=START, headers={},
    )  # fmt: skip


def like(post: int, made_s: float, told_s: float | None = None) -> LikeEvent:
    value = LikeEvent(user_id=VIEWER.bytes, post_id=POSTS[post].bytes, author_id=AUTHOR.bytes)
    value.reacted_at.FromDatetime(START + timedelta(seconds=made_s))
    value.occurred_at.FromDatetime(START + timedelta(seconds=made_s if told_s is None else told_s))
    return value


def actor() -> Actor:
    return Actor(
        user_id=VIEWER, session_id=uuid7(), roles=frozenset(), permissions=frozenset({"feed:read"}), token=""
    )


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 5 * DAY_S), st.one_of(st.none(), st.integers(1, DAY_S))),
        max_size=12,
    ),
    st.randoms(use_true_random=False),
)
def test_x2_counts_are_those_of_the_reactions_that_stand(
    made: list[tuple[int, int, int | None]], chance: Any
) -> None:
    told: list[tuple[bool, LikeEvent]] = []
    for post, made_s, after_s in made:
        told.append((True, like(post, made_s)))
        if after_s is not None:
            told.append((False, like(post, made_s, made_s + after_s)))
    chance.shuffle(told)
    memory, now = Memory(), START + timedelta(days=7)
    learning = Learning(memory)
    for created, value in told:
        handler = learning.likes_created if created else learning.likes_deleted
        asyncio.run(handler([received(value)]))
    rows = Serving(memory=memory, clock=FixedClock(now)).rows(
        actor(), b"".join(post.bytes for post in POSTS), AUTHOR.bytes * len(POSTS)
    )
    for number in range(len(POSTS)):
        for name, mine in (("post_likes", True), ("author_reactions", False), ("pair_likes", False)):
            expected = sum(
                2.0 ** (-(7 * DAY_S - made_s) / HALF_LIVES_S[name])
                for post, made_s, after_s in made
                if after_s is None and (post == number or not mine)
            )
            assert rows[number, COLUMNS.index(name)] == pytest.approx(expected, abs=1e-4)


async def test_an_event_that_is_delivered_twice_counts_once(house: FeaturesHouse) -> None:
    post_id, created = house.post(house.ada, "pond")
    liked = house.like(house.kofi, post_id, house.ada)
    await house.tell(created, liked, created, liked)
    await house.tell(liked, created)
    assert await house.process.row(house.kofi, post_id, house.ada) == {
        "post_likes": 1.0,
        "author_reactions": 1.0,
        "author_posts": 1.0,
        "pair_likes": 1.0,
        "topic_interest": 1.0,
    }
    back = house.taken_back(liked)
    await house.tell(back, back)
    assert set(await house.process.row(house.kofi, post_id, house.ada)) == {"author_posts"}


async def test_a_reaction_taken_back_days_later_leaves_nothing(house: FeaturesHouse) -> None:
    post_id = await house.posted(house.ada, "pond")
    made = [react(house.kofi, post_id, house.ada) for react in (house.like, house.comment, house.share)]
    await house.tell(*made)
    house.clock.advance(3 * DAY_S)
    await house.tell(*map(house.taken_back, made))
    row = await house.process.row(house.kofi, post_id, house.ada)
    assert {name for name, value in row.items() if abs(value) > 1e-6} == {"author_posts"}
    assert await house.process.popular(house.kofi) == []
    assert await house.process.topics(house.kofi) == []


@pytest.mark.parametrize("broken_fields", [["user_id"], ["post_id"], ["author_id"], ["user_id", "author_id"]])
async def test_x1_a_broken_event_is_skipped_and_its_neighbours_count_once(
    house: FeaturesHouse, broken_fields: list[str]
) -> None:
    post_id = await house.posted(house.ada)
    good = [house.like(uuid7(), post_id, house.ada) for _ in range(3)]
    value = LikeEvent(user_id=house.kofi.bytes, post_id=post_id, author_id=house.ada.bytes)
    for field in broken_fields:
        setattr(value, field, b"short")
    broken = events.LIKE_CREATED.event(value)
    unreadable = Event(
        id=uuid7(), topic=broken.topic, key=post_id, payload=b"\xff\xff", emitted_at=broken.emitted_at
    )
    await house.tell(good[0], broken, good[1], unreadable, good[2])
    row = await house.process.row(house.kofi, post_id, house.ada)
    assert row == {"post_likes": 3.0, "author_reactions": 3.0, "author_posts": 1.0}
    assert (await house.process.popular(house.kofi)) == [post_id]


async def test_topics_come_strongest_first_and_are_bounded(house: FeaturesHouse) -> None:
    for weight, tag in enumerate(("pond", "dawn", "Taipei"), 1):
        post_id = await house.posted(house.ada, tag)
        await house.tell(*(house.like(house.kofi, post_id, house.ada) for _ in range(weight)))
    assert await house.process.topics(house.kofi) == ["Taipei", "dawn", "pond"]
    assert await house.process.topics(house.kofi, limit=1) == ["Taipei"]
    assert await house.process.topics(house.mei) == []


def test_a_person_keeps_the_latest_tags() -> None:
    memory = Memory()
    for number in range(100):
        memory.interests.note(b"someone", [f"tag{number}", "always"])
    kept = memory.interests.of(b"someone")
    assert len(kept) == TAGS_OF_A_PERSON
    assert kept[-2:] == ["tag99", "always"]


def test_the_people_whose_tags_are_kept_are_bounded() -> None:
    interests = Interests(most=10)
    for number in range(25):
        interests.note(UUID(int=number).bytes, ["pond"])
        interests.note(UUID(int=0).bytes, ["dawn"])
    assert len(interests) == 10
    assert interests.of(UUID(int=0).bytes) == ["pond", "dawn"]
    assert interests.of(UUID(int=10).bytes) == []
    again = Interests()
    again.restore(interests.dump())
    assert again.dump() == interests.dump()


async def test_who_was_forgotten_finds_his_interests_with_his_next_reaction(house: FeaturesHouse) -> None:
    memory = house.process.keeper._snapshots._memory
    memory.interests = Interests(most=1)
    ponds = [await house.posted(house.ada, "pond") for _ in range(3)]
    await house.tell(*(house.like(house.kofi, post_id, house.ada) for post_id in ponds[:2]))
    await house.tell(house.like(house.mei, ponds[0], house.ada))
    assert (await house.process.topics(house.kofi), await house.process.topics(house.mei)) == ([], ["pond"])
    await house.tell(house.like(house.kofi, ponds[2], house.ada))
    assert (await house.process.row(house.kofi, ponds[2], house.ada))["topic_interest"] == 3.0
    assert await house.process.topics(house.kofi) == ["pond"]


async def test_the_most_reacted_to_lead_and_age_alike(house: FeaturesHouse) -> None:
    old, new = [await house.posted(house.ada) for _ in range(2)]
    await house.tell(*(house.like(uuid7(), old, house.ada) for _ in range(3)))
    house.clock.advance(DAY_S)
    await house.tell(*(house.comment(uuid7(), new, house.ada) for _ in range(2)))
    assert await house.process.popular(house.kofi) == [new, old]
    await house.tell(house.share(uuid7(), old, house.ada))
    assert await house.process.popular(house.kofi) == [old, new]
    assert await house.process.popular(house.kofi, limit=1) == [old]


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2), st.booleans()), max_size=30))
def test_leaders_are_those_with_the_largest_faded_sums(steps: list[tuple[int, int, bool]]) -> None:
    leaders, model = Leaders(), dict[bytes, list[int]]()
    ids = [UUID(int=number).bytes for number in range(5)]
    for number, half_days, add in steps:
        post_id, at_ms = ids[number], int(half_days * HALF_LIFE_MS / 2)
        if add:
            leaders.add(post_id, ids[0], at_ms)
            model.setdefault(post_id, []).append(at_ms)
        elif at_ms in model.get(post_id, []):
            leaders.take_back(post_id, ids[0], at_ms)
            model[post_id].remove(at_ms)
    sums = {
        post_id: sum(2.0 ** (at_ms / HALF_LIFE_MS) for at_ms in made)
        for post_id, made in model.items()
        if made
    }
    found = [post_id for post_id, _ in leaders.best(10)]
    assert set(found) == set(sums)
    ordered = [sums[post_id] for post_id in found]
    assert np.all(np.diff(ordered) <= 1e-6 * max(ordered, default=1.0))


def test_leaders_are_bounded_and_keep_the_best() -> None:
    leaders = Leaders(most=10)
    ids = [UUID(int=number).bytes for number in range(50)]
    for number, post_id in enumerate(ids):
        leaders.add(post_id, post_id, number * 1000)
    assert len(leaders.dump()) <= 20
    assert [post_id for post_id, _ in leaders.best(10)] == ids[:39:-1]


@given(st.lists(st.lists(st.integers(0, 20), max_size=8), max_size=10))
def test_handled_events_are_the_latest(batches: list[list[int]]) -> None:
    handled, seen = Handled(most=100), set[int]()
    for batch in batches:
        told: Sequence[Received[Any]] = [received(LikeEvent(), UUID(int=number)) for number in batch]
        fresh = handled.fresh(told)
        assert [event.id.int for event in fresh] == [
            number for number in dict.fromkeys(batch) if number not in seen
        ]
        handled.add(fresh)
        seen |= set(batch)
    restored = Handled()
    restored.restore(handled.dump())
    assert restored.dump() == handled.dump()


def test_what_is_remembered_of_events_is_bounded() -> None:
    handled = Handled(most=10)
    handled.add([received(LikeEvent(), UUID(int=number)) for number in range(25)])
    assert handled.dump() == [UUID(int=number).hex for number in range(15, 25)]
