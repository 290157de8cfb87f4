"""A COMMIT whose reply was lost is unknown, not failed: the same key and body find out, and leave one row, one answer.

`NOVA_CHAOS_CUT_REPLIES` sets how many replies are cut (default 30; the promise is 1,000).
"""

import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from google.protobuf.wrappers_pb2 import BytesValue, StringValue

from nova.platform.auth.actor import Actor
from nova.platform.db.database import Database, DatabaseConfig
from nova.platform.db.failures import CommitUnknown
from nova.platform.db.idempotency import Once
from nova.platform.errors import IdempotencyConflict, Unavailable
from nova.platform.ids import uuid7
from nova.platform.rpc.context import CallContext, entered
from tests.chaos.cutting_proxy import Cut, CuttingProxy
from tests.chaos.event_model import THINGS
from tests.scratch import EffectTx, Scratch
from tests.waiting import until

CUTS = int(os.environ.get("NOVA_CHAOS_CUT_REPLIES", "30"))
ACTOR = Actor(user_id=uuid7(), session_id=uuid7(), roles=frozenset(), permissions=frozenset(), token="t")

pytestmark = pytest.mark.timeout(120 + CUTS)


class Room:
    """A room behind the proxy, with one verb: an effect and an event under a new id, which is the answer."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._once = Once(database)

    async def make(self, key: str, body: str) -> UUID:
        async def verb() -> UUID:
            made = uuid7()
            async with self._database.transaction(EffectTx) as tx:
                await tx.add_effect(made, key.encode())
                tx.emit(THINGS.event(BytesValue(value=made.bytes)))
                return tx.answer(made)

        with entered(CallContext(actor=ACTOR, idempotency_key=key)):
            answer = await self._once(
                StringValue(value=body), BytesValue, verb, present=lambda made: BytesValue(value=made.bytes)
            )
        return UUID(bytes=answer.value)

    async def make_again(self, key: str, body: str) -> UUID:
        """Repeat until it is answered, as a client does."""
        found: list[UUID] = []

        async def answered() -> bool:
            try:
                found.append(await self.make(key, body))
            except Unavailable:
                return False
            return True

        await until(answered)
        return found[0]


@pytest.fixture
async def direct(scratch: Scratch) -> Database:
    """The room's database without the proxy."""
    return await scratch.database()


@pytest.fixture
async def proxy(scratch: Scratch, direct: Database, tmp_path: Path) -> AsyncIterator[CuttingProxy]:
    proxy = CuttingProxy(tmp_path, scratch.engines.room_dsn(direct.room))
    await proxy.start()
    yield proxy
    await proxy.aclose()


async def test_a_commit_whose_reply_was_cut_is_found_under_its_key(
    direct: Database, proxy: CuttingProxy
) -> None:
    chance, answers, kept = random.Random(13), dict[str, UUID](), Counter[Cut]()
    async with Database(DatabaseConfig(room=direct.room, dsn=proxy.dsn, pool_size=2)) as database:
        room = Room(database)
        for number in range(CUTS):
            key, proxy.cut = f"key-{number}", (cut := chance.choice(list(Cut)))
            with pytest.raises(CommitUnknown):
                await room.make(key, "body")
            answers[key] = await room.make_again(key, "body")
            assert await room.make(key, "body") == answers[key]
            with pytest.raises(IdempotencyConflict):
                await room.make(key, "another body")
            rows = await direct.fetch("SELECT event_id FROM effects WHERE key = $1", key.encode())
            assert [row["event_id"] for row in rows] == [answers[key]]
            kept[cut] += 1
    assert proxy.cuts == CUTS
    assert set(kept) == set(Cut), "not every way of being cut was tried"
    assert await direct.fetchval("SELECT count(*) FROM effects") == CUTS
    told = await direct.fetch("SELECT payload FROM outbox")
    assert Counter(BytesValue.FromString(row["payload"]).value for row in told) == Counter(
        made.bytes for made in answers.values()
    )
