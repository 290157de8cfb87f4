"""X2: events in any order and several times end in what the things that stand are worth, and in nothing else."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from nova.api.content.v1.events_pb2 import PostCreatedEvent, PostDeletedEvent, PostUpdatedEvent
from nova.api.social.v1.events_pb2 import CommentEvent, LikeEvent, ShareEvent
from nova.platform.auth.actor import Actor
from nova.platform.clock import FixedClock
from nova.platform.events import Received, Topic
from nova.platform.ids import uuid7
from nova.services.features import events
from nova.services.features.model import DECLARED
from nova.services.features.service.learning import Learning
from nova.services.features.service.memory import Memory
from nova.services.features.service.serving import Serving
from nova.services.features.service.standing import Reacted, Standing
from tests.unit.features.conftest import COLUMNS, DAY_S

START = datetime(2026, 5, 1, tzinfo=UTC)
NOW = START + timedelta(days=7)
POSTS = [UUID(int=number + (1 << 100)) for number in range(2)]
AUTHOR = UUID(int=7 << 90)
PEOPLE = [UUID(int=number + (9 << 90)) for number in range(2)]
TAGS = ["dawn", "pond", "Taipei"]
HALF_LIVES_S = {feature.name: feature.half_life_s for feature in DECLARED}
MADE: dict[str, tuple[Topic[Any], Topic[Any], type[Message]]] = {
    "likes": (events.LIKE_CREATED, events.LIKE_DELETED, LikeEvent),
    "comments": (events.COMMENT_CREATED, events.COMMENT_DELETED, CommentEvent),
    "shares": (events.SHARE_CREATED, events.SHARE_DELETED, ShareEvent),
}

tags = st.lists(st.sampled_from(TAGS), unique=True)
reactions = st.lists(
    st.tuples(
        st.sampled_from(sorted(MADE)),
        st.sampled_from(range(2)),
        st.sampled_from(range(2)),
        st.integers(0, 4 * DAY_S),
        st.booleans(),
    ),
    max_size=10,
)
lives = st.lists(
    st.tuples(st.lists(tags, min_size=1, max_size=4), st.booleans()), min_size=len(POSTS), max_size=len(POSTS)
)


@dataclass
class Story:
    """What happened: the tags of each post over time, which were deleted, and the reactions with their fate."""

    lives: Sequence[tuple[list[list[str]], bool]]
    reactions: Sequence[tuple[str, int, int, int, bool]]
    told: list[Received[Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for post_id, (versions, deleted) in zip(POSTS, self.lives, strict=True):
            mine: dict[str, Any] = {"post_id": post_id.bytes, "user_id": AUTHOR.bytes}
            created = PostCreatedEvent(**mine, tags=versions[0])
            created.created_at.FromDatetime(START)
            self._tell(events.POST_CREATED, created)
            for version, those in enumerate(versions[1:], 2):
                self._tell(events.POST_UPDATED, PostUpdatedEvent(**mine, tags=those, version=version))
            if deleted:
                self._tell(events.POST_DELETED, PostDeletedEvent(**mine))
        for kind, post, person, at_s, stands in self.reactions:
            created_topic, deleted_topic, message = MADE[kind]
            value: Any = message(
                post_id=POSTS[post].bytes, user_id=PEOPLE[person].bytes, author_id=AUTHOR.bytes
            )
            value.reacted_at.FromDatetime(START + timedelta(seconds=at_s))
            self._tell(created_topic, value)
            if not stands:
                self._tell(deleted_topic, value)

    def _tell(self, topic: Topic[Any], value: Any) -> None:
        self.told.append(
            Received(
                id=uuid7(), topic=topic.name, key=b"", value=value, emitted_at=START, headers={}
            )
        )  # fmt: skip

    def delivered(self, chance: Random) -> list[Received[Any]]:
        """Return all events in some order, some of them again."""
        again = chance.sample(self.told, len(self.told) // 2)
        return chance.sample(self.told + again, len(self.told) + len(again))

    def standing(self) -> list[tuple[str, int, int, int]]:
        return [tuple(reaction[:4]) for reaction in self.reactions if reaction[4]]  # type: ignore[misc]

    def alive(self, post: int) -> bool:
        return not self.lives[post][1]

    def tags(self, post: int) -> list[str]:
        return self.lives[post][0][-1] if self.alive(post) else []

    def worth(self, name: str, made: Sequence[int]) -> float:
        """Return what reactions made at these seconds are worth by now."""
        now_s = (NOW - START).total_seconds()
        return sum((2.0 ** (-(now_s - at_s) / HALF_LIVES_S[name]) for at_s in made), 0.0)


def heard(story: Story, chance: Random) -> Memory:
    memory = Memory()
    learning = Learning(memory)
    handlers: dict[str, Any] = {
        events.POST_CREATED.name: learning.posts_created,
        events.POST_UPDATED.name: learning.posts_updated,
        events.POST_DELETED.name: learning.posts_deleted,
        events.LIKE_CREATED.name: learning.likes_created,
        events.LIKE_DELETED.name: learning.likes_deleted,
        events.COMMENT_CREATED.name: learning.comments_created,
        events.COMMENT_DELETED.name: learning.comments_deleted,
        events.SHARE_CREATED.name: learning.shares_created,
        events.SHARE_DELETED.name: learning.shares_deleted,
    }

    async def deliver() -> None:
        for event in story.delivered(chance):
            await handlers[event.topic]([event])

    asyncio.run(deliver())
    return memory


def served(memory: Memory) -> Serving:
    return Serving(memory=memory, clock=FixedClock(NOW))


def actor(person: UUID) -> Actor:
    return Actor(
        user_id=person, session_id=uuid7(), roles=frozenset(), permissions=frozenset({"feed:read"}), token=""
    )


@given(lives, reactions, st.integers(0, 2**32))
def test_x2_rows_are_those_of_what_stands(
    happened: list[tuple[list[list[str]], bool]], made: list[tuple[str, int, int, int, bool]], seed: int
) -> None:
    story = Story(happened, made)
    serving = served(heard(story, Random(seed)))
    packed, author = b"".join(post.bytes for post in POSTS), AUTHOR.bytes * len(POSTS)
    for person, user_id in enumerate(PEOPLE):
        rows = serving.rows(actor(user_id), packed, author)
        for post in range(len(POSTS)):
            row = dict(zip(COLUMNS, rows[post].tolist(), strict=True))
            for name, value in expected(story, post, person).items():
                assert row[name] == pytest.approx(value, abs=1e-3), name


def expected(story: Story, post: int, person: int) -> dict[str, float]:
    """Return the row of a post for a person, from what stands."""
    standing = story.standing()
    mine = [one for one in standing if one[2] == person]
    interest = max(
        (
            story.worth("topic_interest", [one[3] for one in mine if tag in story.tags(one[1])])
            for tag in story.tags(post)
        ),
        default=0.0,
    )
    of_post = {
        f"post_{kind}": [one[3] for one in standing if one[:2] == (kind, post) and story.alive(post)]
        for kind in MADE
    }
    counted = of_post | {
        "author_reactions": [one[3] for one in standing],
        "author_posts": [0] * len(POSTS),
        "pair_likes": [one[3] for one in mine if one[0] == "likes"],
        "pair_comments": [one[3] for one in mine if one[0] != "likes"],
    }
    return {name: story.worth(name, at_s) for name, at_s in counted.items()} | {"topic_interest": interest}


@given(lives, reactions, st.integers(0, 2**32))
def test_x2_leaders_and_interests_are_those_of_what_stands(
    happened: list[tuple[list[list[str]], bool]], made: list[tuple[str, int, int, int, bool]], seed: int
) -> None:
    story = Story(happened, made)
    serving = served(heard(story, Random(seed)))
    standing = story.standing()
    leading = {POSTS[one[1]].bytes for one in standing if story.alive(one[1])}
    assert {post_id for post_id, _ in serving.popular(actor(PEOPLE[0]), 10)} == leading
    for person, user_id in enumerate(PEOPLE):
        liked = {tag for one in standing if one[2] == person for tag in story.tags(one[1])}
        assert {interest.tag for interest in serving.interests(actor(user_id), 10)} == liked


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.sampled_from([1, -1])), max_size=40))
def test_what_stands_is_bounded_and_the_oldest_posts_go(steps: list[tuple[int, int, int]]) -> None:
    standing, model = Standing(most=4), dict[bytes, Counter[int]]()
    for post, at_ms, amount in steps:
        post_id = POSTS[0].bytes[:-1] + bytes([post])
        standing.add(post_id, Reacted(b"u", at_ms, amount), ())
        counts = model.pop(post_id, Counter())
        counts[at_ms] += amount
        counts = Counter({moment: count for moment, count in counts.items() if count})
        if counts:
            model[post_id] = counts
        while sum(map(len, model.values())) > 4:
            del model[next(iter(model))]
    assert len(standing) == sum(map(len, model.values())) <= 4
    for post_id, counts in model.items():
        assert {one.at_ms: one.amount for one in standing.of(post_id)} == counts
    again = Standing()
    again.restore(standing.dump())
    assert again.dump() == standing.dump()
