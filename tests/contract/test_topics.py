"""The catalogue of topics against what was asked for, and every room against the catalogue."""

import re
from importlib import import_module
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor

from nova.app.rooms import ROOMS, topics_of
from nova.platform.events import Topic
from nova.policy import topics

CATALOGUE: dict[str, Topic[Any]] = {
    topic.name: topic for topic in vars(topics).values() if isinstance(topic, Topic)
}
# The brief's table of events: name, key, schema.
ASKED = [
    ("identity.user.created", "user_id", "UserCreatedEvent"),
    ("user.profile.updated", "user_id", "ProfileUpdatedEvent"),
    ("graph.follow.created", "follower_id", "FollowEvent"),
    ("social.like.created", "post_id", "LikeEvent"),
    ("content.post.created", "user_id", "PostCreatedEvent"),
]
# The brief's partitions by family; graph's topics are about people, social's feed the feed.
PARTITIONS = {"identity": 12, "user": 12, "graph": 12, "content": 16, "social": 8}


def declared(room: str) -> dict[str, Topic[Any]]:
    """Return the topics that a room tells or hears, by the name of the constant."""
    try:
        events = import_module(f"nova.services.{room}.events")
    except ModuleNotFoundError:
        return {}
    return {name: value for name, value in vars(events).items() if isinstance(value, Topic)}


@pytest.mark.parametrize(("name", "key", "schema"), ASKED)
def test_topics_are_those_that_were_asked_for(name: str, key: str, schema: str) -> None:
    topic = CATALOGUE[name]
    assert (topic.key, topic.message.DESCRIPTOR.name) == (key, schema)


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_topic_is_named_keyed_and_split_as_its_family_is(name: str) -> None:
    topic = CATALOGUE[name]
    room = name.split(".", maxsplit=1)[0]
    assert re.fullmatch(r"[a-z]+\.[a-z]+\.(created|updated|deleted)", name)
    assert topic.message.DESCRIPTOR.file.package == f"nova.api.{room}.v1"
    assert topic.message.DESCRIPTOR.fields_by_name[topic.key].type == FieldDescriptor.TYPE_BYTES
    assert topic.partitions == PARTITIONS[room]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_takes_its_topics_from_the_catalogue(room: str) -> None:
    for constant, topic in declared(room).items():
        assert topic is getattr(topics, constant), f"{room} has a {constant} of its own"


def test_each_topic_is_told_by_the_room_that_owns_it() -> None:
    told = {topic.name for room in ROOMS for topic in topics_of(room)}
    assert told == set(CATALOGUE)


def test_an_event_lies_under_the_key_of_its_topic() -> None:
    value = topics.FOLLOW_CREATED.message(follower_id=b"f" * 16, followee_id=b"g" * 16)
    event = topics.FOLLOW_CREATED.event(value)
    assert (event.topic, event.key) == ("graph.follow.created", b"f" * 16)
    assert event.payload == value.SerializeToString()
