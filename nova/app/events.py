"""`nova events`: the events of a topic, and the dead letters."""

import json
from typing import Any
from uuid import UUID

import click
from google.protobuf.json_format import MessageToDict

from nova.app import reach, rooms
from nova.platform import dead_letters as letters
from nova.platform.config import Config
from nova.platform.errors import NotFound
from nova.platform.events import Topic
from nova.platform.log.port import Delivered


async def tail(config: Config, topic: str, limit: int) -> None:
    """Print events of a topic, oldest first, a line of JSON each."""
    declared = _topics()
    if topic not in declared:
        raise NotFound(f"There is no topic {topic!r}: use one of {', '.join(sorted(declared))}.")
    async with reach.event_log(config) as log:
        for record in await log.read(topic, limit=limit):
            click.echo(json.dumps(_shown(record, declared[topic])))


async def dead_letters(config: Config) -> None:
    """Print all dead letters, a line of JSON each."""
    async with reach.event_log(config) as log:
        for topic in _topics():
            for letter in await letters.list_dead(log, topic):
                click.echo(
                    json.dumps(
                        {
                            "topic": letter.topic,
                            "id": str(letter.record.id),
                            "group": letter.group,
                            "tries": letter.tries,
                            "why": letter.why,
                            "emitted_at": letter.record.emitted_at.isoformat(),
                        }
                    )
                )


async def replay(config: Config, topic: str, event_id: UUID | None) -> None:
    """Put the dead letters of a topic back, and say how many."""
    async with reach.event_log(config) as log:
        count = await letters.replay(log, topic, ids=None if event_id is None else {event_id})
    click.echo(f"{count} put back")


def _topics() -> dict[str, Topic[Any]]:
    return {topic.name: topic for room in rooms.ROOMS for topic in rooms.topics_of(room)}


def _shown(record: Delivered, topic: Topic[Any]) -> dict[str, object]:
    return {
        "id": str(record.id),
        "emitted_at": record.emitted_at.isoformat(),
        "partition": record.partition,
        "offset": record.offset,
        "value": MessageToDict(topic.message.FromString(record.payload)),
    }
