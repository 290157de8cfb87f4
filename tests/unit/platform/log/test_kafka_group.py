"""A member of a group that has nothing to handle commits past markers, and never into a deal of partitions."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from nova.platform.log.kafka_cluster import Cluster, Place
from nova.platform.log.kafka_group import KafkaMember

PLACE = Place("t", 0)


class Reader:
    """What a member asks of aiokafka's consumer; a commit is answered when it is told to be."""

    def __init__(self) -> None:
        self.commits: list[Mapping[Place, int]] = []
        self.answer = asyncio.Event()

    def assignment(self) -> set[Place]:
        return {PLACE}

    async def position(self, _place: Place) -> int:
        return 7

    async def commit(self, offsets: Mapping[Place, int]) -> None:
        self.commits.append(offsets)
        await self.answer.wait()


@pytest.fixture
def member() -> Any:
    nothing: Any = None
    return KafkaMember(cluster=Cluster(bootstrap=""), topics=nothing, group="g", wanted=[], left=nothing)


async def test_partitions_are_not_dealt_while_a_commit_is_under_way(member: Any) -> None:
    reader = Reader()
    passing = asyncio.create_task(member._pass_markers(reader))
    await asyncio.wait([passing], timeout=0)
    assert reader.commits == [{PLACE: 7}]
    revoking = asyncio.create_task(member._deal.on_partitions_revoked([PLACE]))
    await asyncio.wait([revoking], timeout=0)
    assert not revoking.done()
    reader.answer.set()
    await passing
    await revoking


async def test_nothing_is_committed_while_partitions_are_dealt(member: Any) -> None:
    reader = Reader()
    reader.answer.set()
    await member._deal.on_partitions_revoked([PLACE])
    await member._pass_markers(reader)
    assert reader.commits == []
    await member._deal.on_partitions_assigned([PLACE])
    await member._pass_markers(reader)
    assert reader.commits == [{PLACE: 7}]
