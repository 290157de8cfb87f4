"""The declared features: each with what it is of, what it means, and how fast it fades."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType
from uuid import UUID

from nova.platform.errors import InvalidArgument

UserId = NewType("UserId", UUID)

DAY_S: Final = 86_400.0


class Entity(StrEnum):
    """What a feature is of."""

    POST = "post"
    AUTHOR = "author"
    PAIR = "pair"
    """A viewer and an author."""
    TOPIC = "topic"
    """A viewer and a tag; of a post's tags the strongest counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One declared feature. `half_life_s` is in seconds."""

    name: str
    entity: Entity
    meaning: str
    half_life_s: float


DECLARED: Final = (
    Feature(name="post_likes", entity=Entity.POST, half_life_s=DAY_S, meaning="Likes of the post."),
    Feature(name="post_comments", entity=Entity.POST, half_life_s=DAY_S, meaning="Comments on the post."),
    Feature(name="post_shares", entity=Entity.POST, half_life_s=DAY_S, meaning="Shares of the post."),
    Feature(
        name="author_reactions",
        entity=Entity.AUTHOR,
        half_life_s=7 * DAY_S,
        meaning="Reactions to all that the author posted.",
    ),
    Feature(name="author_posts", entity=Entity.AUTHOR, half_life_s=7 * DAY_S, meaning="Posts of the author."),
    Feature(
        name="pair_likes",
        entity=Entity.PAIR,
        half_life_s=30 * DAY_S,
        meaning="Likes that the viewer gave the author's posts.",
    ),
    Feature(
        name="pair_comments",
        entity=Entity.PAIR,
        half_life_s=30 * DAY_S,
        meaning="Comments and shares that the viewer gave the author's posts.",
    ),
    Feature(
        name="topic_interest",
        entity=Entity.TOPIC,
        half_life_s=30 * DAY_S,
        meaning="Reactions of the viewer to posts with the tag.",
    ),
)
"""In the order of the columns of a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """A tag and how much a viewer cares for it."""

    tag: str
    weight: float


class CandidatesMismatched(InvalidArgument):
    """post_ids and author_ids are whole ids of 16 bytes, as many of one as of the other, at most 2000."""
