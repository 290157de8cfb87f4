"""How topics are made on Kafka."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.admin import NewTopic

from nova.platform.log.kafka_cluster import Cluster
from nova.platform.log.kafka_topics import Topics

TOPIC = "test.thing.made"


class Brokers:
    """Take what topics they are told to make."""

    def __init__(self) -> None:
        self.made: list[NewTopic] = []

    async def admin(self) -> "Brokers":
        return self

    async def describe_topics(self, _names: Sequence[str]) -> list[dict[str, Any]]:
        return [
            {
                "topic": one.name,
                "error_code": 0,
                "partitions": [{"error_code": 0}] * one.num_partitions,
            }
            for one in self.made
        ]

    async def create_topics(self, topics: Sequence[NewTopic]) -> SimpleNamespace:
        self.made += topics
        return SimpleNamespace(topic_errors=[(one.name, 0, None) for one in topics])


@pytest.mark.parametrize(("replication", "least"), [(1, "1"), (2, "1"), (3, "2"), (5, "4")])
async def test_all_but_one_replica_have_a_record_before_it_is_acknowledged(
    replication: int, least: str
) -> None:
    brokers = Brokers()
    await Topics(Cluster(bootstrap="", replication=replication), brokers.admin).declare({TOPIC: 3})
    (made,) = brokers.made
    assert (made.name, made.num_partitions, made.replication_factor) == (TOPIC, 3, replication)
    assert made.topic_configs["min.insync.replicas"] == least
