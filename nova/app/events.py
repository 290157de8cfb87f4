"""`nova events`: the events of a topic, and the dead letters."""

import json
from contextlib import aclosing
from typing import Any, Final
from uuid import UUID

import click
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError, Message

from nova.app import reach, rooms
from nova.platform import dead_letters as letters
from nova.platform.config import Config
from nova.platform.errors import NotFound
from nova.platform.events import Topic
from nova.platform.log.port import Delivered

_ID_BYTES: Final = 16


async def tail(config: Config, topic: str, limit: int, *, follow: bool) -> None:
    """Print the newest events of a topic, oldest first, a line of JSON each; with `follow` go on as they come."""
    declared = _topic(topic)
    async with reach.event_log(config) as log:
        position = await log.end([declared])
        for record in await log.newest(topic, limit=limit):
            _show(record, declared)
        if not follow:
            return
        async with aclosing(log.tail([declared], position)) as batches:
            async for records in batches:
                for record in records:
                    _show(record, declared)


async def dead_letters(config: Config) -> None:
    """Print all dead letters, a line of JSON each."""
    async with reach.event_log(config) as log:
        for topic in _topics():
            after = None
            while page := await letters.list_dead(log, topic, after=after):
                after = page[-1].record.id
                for letter in page:
                    _show_dead(letter)


async def replay(config: Config, topic: str, event_id: UUID | None) -> None:
    """Put the dead letters of a topic back, and say how many. Raises `NotFound` where there is none."""
    _topic(topic)
    async with reach.event_log(config) as log:
        count = await letters.replay(log, topic, ids=None if event_id is None else {event_id})
    if event_id is not None and not count:
        raise NotFound(f"{topic} has no dead letter {event_id}: `nova events dlq` lists them.")
    click.echo(f"{count} put back")


def _topics() -> dict[str, Topic[Any]]:
    return {topic.name: topic for room in rooms.ROOMS for topic in rooms.topics_of(room)}


def _topic(name: str) -> Topic[Any]:
    topics = _topics()
    if name not in topics:
        raise NotFound(f"There is no topic {name!r}: use one of {', '.join(sorted(topics))}.")
    return topics[name]


def _show(record: Delivered, topic: Topic[Any]) -> None:
    shown: dict[str, object] = {
        "id": str(record.id),
        "emitted_at": record.emitted_at.isoformat(),
        "partition": record.partition,
        "offset": record.offset,
    }
    try:
        shown["value"] = _readable(topic.message.FromString(record.payload))
    except DecodeError:
        shown["unreadable"] = f"{len(record.payload)} bytes"
    click.echo(json.dumps(shown, ensure_ascii=False))


def _readable(value: Message) -> dict[str, object]:
    """Return a message as JSON has it, its ids as people write them."""
    shown: dict[str, object] = MessageToDict(value, preserving_proto_field_name=True)
    for field, content in value.ListFields():
        if field.type == field.TYPE_BYTES:
            shown[field.name] = list(map(_id, content)) if field.is_repeated else _id(content)
    return shown


def _id(content: bytes) -> str:
    return str(UUID(bytes=content)) if len(content) == _ID_BYTES else content.hex()


def _show_dead(letter: letters.DeadLetter) -> None:
    shown = {
        "topic": letter.topic,
        "id": str(letter.record.id),
        "group": letter.group,
        "tries": letter.tries,
        "why": letter.why,
        "emitted_at": letter.record.emitted_at.isoformat(),
    }
    click.echo(json.dumps(shown))
