"""Events that could not be handled: how they are kept, looked at and put back.

What a consumer gives up goes to `<topic>.dlq` in the log, with its own id and payload. Putting it back
appends it to its topic again, with the same id and for that one group: groups that handled it, and the one
itself if it did so in the meantime, pass it over.
"""

import traceback
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from nova.platform.errors import NovaError
from nova.platform.events import Topic
from nova.platform.log.port import DEAD_SUFFIX, Delivered, EventLog, Record

REPLAY_FOR = "nova_replay_for"
"""Header of a dead letter that was put back: the one group that is to handle it."""

_GROUP = "nova_dead_group"
_WHY = "nova_dead_why"
_TRIES = "nova_dead_tries"
_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A dead letter as people see it: which event, of which topic, given up by which group, and why."""

    record: Delivered
    topic: str
    group: str
    why: str
    tries: int


def describe(error: BaseException) -> str:
    """Return what failed and where, without the text of the error: it may hold what a user wrote."""
    name = error.reason if isinstance(error, NovaError) else type(error).__qualname__
    if isinstance(error, asyncpg.PostgresError):
        name = f"{name} {error.sqlstate}"
    frames = traceback.extract_tb(error.__traceback__)
    return f"{name} in {frames[-1].name}:{frames[-1].lineno}" if frames else name


def dead_letter(record: Record, *, group: str, why: str, tries: int) -> Record:
    """Return the record that keeps `record` among the dead letters of its topic."""
    told = {_GROUP: group, _WHY: why, _TRIES: str(tries)}
    return Record(
        id=record.id,
        topic=record.topic + DEAD_SUFFIX,
        key=record.key,
        payload=record.payload,
        emitted_at=record.emitted_at,
        source=record.source,
        headers={**_without_marks(record), **told},
    )


async def list_dead(
    log: EventLog, topic: str, *, limit: int = 100, after: UUID | None = None
) -> list[DeadLetter]:
    """Return the dead letters kept of `topic`, oldest first; to page on, `after` is the last event's id."""
    return [_letter(record) for record in await log.read(topic + DEAD_SUFFIX, limit=limit, after=after)]


async def replay(log: EventLog, topic: Topic[Any], *, ids: Collection[UUID] | None = None) -> int:
    """Put the dead letters of `topic` back, all or those of `ids`; return how many.

    Doing it twice is harmless within the week in which consumers remember.
    """
    await log.declare([topic])
    count, after = 0, None
    while letters := await list_dead(log, topic.name, limit=_PAGE, after=after):
        after = letters[-1].record.id
        chosen = [letter for letter in letters if ids is None or letter.record.id in ids]
        if chosen:
            await log.append([_raised(letter) for letter in chosen])
        count += len(chosen)
    return count


def _letter(record: Delivered) -> DeadLetter:
    return DeadLetter(
        record=record,
        topic=record.topic.removesuffix(DEAD_SUFFIX),
        group=record.headers[_GROUP],
        why=record.headers[_WHY],
        tries=int(record.headers[_TRIES]),
    )


def _raised(letter: DeadLetter) -> Record:
    record = letter.record
    return Record(
        id=record.id,
        topic=letter.topic,
        key=record.key,
        payload=record.payload,
        emitted_at=record.emitted_at,
        source=record.source,
        headers={**_without_marks(record), REPLAY_FOR: letter.group},
    )


def _without_marks(record: Record) -> dict[str, str]:
    marks = {_GROUP, _WHY, _TRIES, REPLAY_FOR}
    return {name: value for name, value in record.headers.items() if name not in marks}
