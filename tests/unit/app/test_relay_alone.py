"""A process of relays alone: it has no rights but those on outboxes, and needs no others."""

import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nova.app import rooms
from nova.app.engines.embedded import Engines
from nova.app.house import House
from nova.app.prepare import log_of, prepare
from nova.app.sources import Sources, of_engines
from nova.platform.configure import load
from nova.platform.db.database import Database, DatabaseConfig
from nova.platform.db.tx import Tx
from nova.platform.events import Event
from nova.platform.ids import uuid7
from tests.waiting import until


@pytest.fixture
async def sources() -> AsyncIterator[Sources]:
    """Engines of its own: what is published here is nothing for the consumers of others."""
    with tempfile.TemporaryDirectory(prefix="nova-test-") as folder:
        Path(folder).chmod(0o755)
        async with Engines(Path(folder) / "data", rooms=rooms.ROOMS) as engines:
            yield of_engines(engines)


async def test_c4_what_rooms_sign_in_by_is_not_needed_to_empty_their_outboxes(
    sources: Sources, tmp_path: Path
) -> None:
    await prepare(sources, rooms.ROOMS)
    await prepare(sources, rooms.ROOMS)  # as each release does
    telling = [room for room in rooms.ROOMS if rooms.topics_of(room)]
    for room in telling:
        async with (
            Database(DatabaseConfig(room=room, dsn=sources.room_dsns[room])) as database,
            database.transaction(Tx) as tx,
        ):
            topic = rooms.topics_of(room)[0].name
            tx.emit(Event(id=uuid7(), topic=topic, key=b"k", payload=b"", emitted_at=datetime.now(UTC)))

    config = load({"NOVA_DATA": str(tmp_path)})
    alone = replace(sources, room_dsns={}, pooled_dsns={}, replica_dsns={})
    async with House(config, alone, rooms=(), relays=rooms.ROOMS), log_of(sources) as log:

        async def all_told() -> bool:
            return all([await log.newest(rooms.topics_of(room)[0].name, limit=1) for room in telling])

        await until(all_told)
