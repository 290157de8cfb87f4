"""`nova events`: the events of a topic, and the dead letters."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final
from uuid import UUID

import click
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError, Message

from nova.app import reach, rooms
from nova.app.prepare import log_of
from nova.app.sources import Sources
from nova.platform import dead_letters as letters
from nova.platform.config import Config
from nova.platform.db.bell import Bell
from nova.platform.db.database import Database, DatabaseConfig
from nova.platform.errors import NotFound
from nova.platform.events import ACTOR, Topic
from nova.platform.log.port import Delivered, EventLog
from nova.platform.outbox.dead import DeadTx, Unpublished

_ID_BYTES: Final = 16
_PAGE: Final = 100


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
    """Print what was given up, a line of JSON each: by the relay of a room's outbox, then by groups of consumers."""
    async with reach.engines(config) as sources, log_of(sources) as log:
        for room in rooms.ROOMS:
            if rooms.topics_of(room):
                async for unpublished in _unpublished(sources, room):
                    _show_unpublished(unpublished, room)
        async for letter in given_up(log):
            _show_dead(letter)


async def given_up(log: EventLog) -> AsyncIterator[letters.DeadLetter]:
    """Yield all that groups of consumers have given up, topic by topic."""
    for topic in _topics():
        async for letter in _letters(log, topic):
            yield letter


async def replay(config: Config, topic: str, event_id: UUID | None) -> None:
    """Put what was given up of a topic back where it failed, and say how much. Raises `NotFound` for nothing."""
    declared = _topic(topic)
    ids = None if event_id is None else {event_id}
    async with reach.engines(config) as sources, log_of(sources) as log:
        count = await letters.replay(log, declared, ids=ids)
        async with _outbox(sources, topic.split(".", maxsplit=1)[0]) as tx:
            count += await tx.raise_dead(topic, ids)
    if event_id is not None and not count:
        raise NotFound(f"{topic} has no dead letter {event_id}: `nova events dlq` lists them.")
    click.echo(f"{count} put back")


@asynccontextmanager
async def _outbox(sources: Sources, room: str) -> AsyncIterator[DeadTx]:
    """Open a transaction on the dead events of a room's outbox. The relay finds what is raised at its next poll."""
    settings = DatabaseConfig(room=room, dsn=sources.outbox_dsns[room])
    async with Database(settings, Bell()) as database, database.transaction(DeadTx) as tx:
        yield tx


async def _unpublished(sources: Sources, room: str) -> AsyncIterator[Unpublished]:
    after = 0
    async with _outbox(sources, room) as tx:
        while page := await tx.page(limit=_PAGE, after=after):
            after = page[-1].seq
            for event in page:
                yield event


async def _letters(log: EventLog, topic: str) -> AsyncIterator[letters.DeadLetter]:
    after = None
    while page := await letters.list_dead(log, topic, limit=_PAGE, after=after):
        after = page[-1].record.id
        for letter in page:
            yield letter


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
        "actor": record.headers.get(ACTOR),
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


def _show_unpublished(event: Unpublished, room: str) -> None:
    shown = {
        "topic": event.topic,
        "id": str(event.id),
        "outbox": room,
        "tries": event.tries,
        "why": event.why,
        "emitted_at": event.emitted_at.isoformat(),
    }
    click.echo(json.dumps(shown))


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
