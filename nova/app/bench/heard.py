"""Who is to hear of each topic, and how soon: what the rooms as they are built are held to."""

from collections.abc import Mapping
from typing import Any, Final

from nova.platform.events import Topic
from nova.policy import topics

EVERY_TOPIC: Final[tuple[Topic[Any], ...]] = tuple(
    value for value in vars(topics).values() if isinstance(value, Topic)
)

_PEOPLE: Final = frozenset({"graph", "graph-adjacency"})
_FOLLOWS: Final = frozenset({"feed-postings", "graph-adjacency"})
_POSTS: Final = frozenset({"feed-postings", "features", "ranking-postings"})
_LEARNING: Final = frozenset({"features"})

_HEARERS: Final[Mapping[str, frozenset[str]]] = {
    topics.USER_CREATED.name: frozenset({"user", "graph"}),
    topics.PROFILE_UPDATED.name: _PEOPLE,
    topics.BLOCK_CREATED.name: _PEOPLE,
    topics.BLOCK_DELETED.name: _PEOPLE,
    topics.MUTE_CREATED.name: frozenset({"graph-adjacency"}),
    topics.MUTE_DELETED.name: frozenset({"graph-adjacency"}),
    topics.FOLLOW_CREATED.name: _FOLLOWS,
    topics.FOLLOW_DELETED.name: _FOLLOWS,
    topics.REQUEST_CREATED.name: frozenset({"graph-adjacency"}),
    topics.REQUEST_DELETED.name: frozenset({"graph-adjacency"}),
    topics.POST_CREATED.name: _POSTS,
    topics.POST_UPDATED.name: _POSTS,
    topics.POST_DELETED.name: _POSTS | {"feed", "social"},
    topics.LIKE_CREATED.name: _LEARNING,
    topics.LIKE_DELETED.name: _LEARNING,
    topics.SHARE_CREATED.name: _LEARNING,
    topics.SHARE_DELETED.name: _LEARNING,
    topics.COMMENT_CREATED.name: _LEARNING,
    topics.COMMENT_DELETED.name: _LEARNING,
}
"""Consumer groups and projections by topic; of what does not stand here nobody hears yet."""

_IN_NEO4J: Final[Mapping[str, frozenset[str]]] = dict.fromkeys(
    (topics.FOLLOW_CREATED.name, topics.FOLLOW_DELETED.name), frozenset({"graph-neo4j"})
)

_GOALS_MS: Final = {"identity": 500, "user": 300, "graph": 200, "content": 300, "social": 100}
"""The objectives at the 95th percentile, by the room that tells: a topic without one has that of its room's others."""

GOALS_MS: Final[Mapping[str, float]] = {
    topic.name: _GOALS_MS[topic.name.partition(".")[0]] for topic in EVERY_TOPIC
}


def hearers_of(topic: str, *, neo4j: bool = False) -> frozenset[str]:
    """Return the consumer groups and projections that are to hear of a topic, where Neo4j is or where it is not."""
    return _HEARERS.get(topic, frozenset()) | (_IN_NEO4J.get(topic, frozenset()) if neo4j else frozenset())
