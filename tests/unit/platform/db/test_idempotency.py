"""A mutation sent twice under one key takes effect once, and both get the first answer."""

import asyncio
from uuid import UUID

import pytest
from google.protobuf.wrappers_pb2 import BytesValue, Int32Value, StringValue

from nova.platform.auth.actor import Actor
from nova.platform.db.database import Database
from nova.platform.db.idempotency import Once
from nova.platform.errors import IdempotencyConflict, NotFound
from nova.platform.ids import uuid7
from nova.platform.rpc.context import CallContext, entered
from tests.scratch import EffectTx, Scratch
from tests.waiting import until

ACTOR = Actor(user_id=uuid7(), session_id=uuid7(), roles=frozenset(), permissions=frozenset(), token="t")


class Counting:
    """A room with one verb: it counts, and answers with the count."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.once = Once(database)
        self.calls = 0
        self.answers = True
        self.refuses = False

    async def verb(self) -> int:
        self.calls += 1
        if self.refuses:
            raise NotFound
        async with self.database.transaction(EffectTx) as tx:
            await tx.add_effect(uuid7())
            count = int(await tx.fetchval("SELECT count(*) FROM effects"))
            return tx.answer(count) if self.answers else count

    async def call(self, body: str, key: str | None = "key-1", actor: Actor | None = ACTOR) -> int:
        with entered(CallContext(actor=actor, idempotency_key=key)):
            answer = await self.once(
                StringValue(value=body), Int32Value, self.verb, present=lambda count: Int32Value(value=count)
            )
        return answer.value

    async def effects(self) -> int:
        return int(await self.database.primary.fetchval("SELECT count(*) FROM effects"))


@pytest.fixture
async def room(scratch: Scratch) -> Counting:
    return Counting(await scratch.database())


async def test_the_same_key_and_body_get_the_first_answer(room: Counting) -> None:
    assert [await room.call("a") for _ in range(3)] == [1, 1, 1]
    assert await room.effects() == 1


async def test_the_same_key_with_another_body_is_a_conflict(room: Counting) -> None:
    await room.call("a")
    with pytest.raises(IdempotencyConflict):
        await room.call("b")
    assert await room.effects() == 1


async def test_keys_belong_to_an_actor_and_a_method(room: Counting) -> None:
    assert await room.call("a") == 1
    assert await room.call("a", key="key-2") == 2
    assert await room.call("a", actor=None) == 3
    with entered(CallContext(actor=ACTOR, idempotency_key="key-1")):
        answer = await room.once(
            BytesValue(value=b"a"), Int32Value, room.verb, present=lambda count: Int32Value(value=count)
        )
    assert answer.value == 4


async def test_without_a_key_every_call_takes_effect(room: Counting) -> None:
    assert [await room.call("a", key=None) for _ in range(2)] == [1, 2]


async def test_of_many_at_once_one_takes_effect_and_all_get_its_answer(room: Counting) -> None:
    answers = await asyncio.gather(*(room.call("a") for _ in range(20)))
    assert answers == [1] * 20
    assert await room.effects() == 1


async def test_a_call_that_failed_frees_its_key(room: Counting) -> None:
    room.answers = False
    with pytest.raises(RuntimeError, match=r"tx\.answer"):
        await room.call("a")
    assert await room.effects() == 0
    room.answers = True
    assert await room.call("b") == 1


async def test_the_second_call_waits_for_the_first_and_takes_over_when_it_fails(room: Counting) -> None:
    inside, goes_on = asyncio.Event(), asyncio.Event()

    async def fails_late() -> int:
        async with room.database.transaction(EffectTx) as tx:
            await tx.add_effect(uuid7())
            inside.set()
            await goes_on.wait()
            raise ValueError("too late")

    with entered(CallContext(actor=ACTOR, idempotency_key="key-1")):
        first = asyncio.create_task(
            room.once(
                StringValue(value="a"), Int32Value, fails_late, present=lambda count: Int32Value(value=count)
            )
        )
    await inside.wait()
    second = asyncio.create_task(room.call("a"))
    goes_on.set()
    with pytest.raises(ValueError, match="too late"):
        await first
    assert await second == 1
    assert await room.effects() == 1


async def test_a_refusal_before_the_first_transaction_does_not_hide_an_answer_that_was_given(
    room: Counting,
) -> None:
    assert await room.call("a") == 1
    room.refuses = True
    assert await room.call("a") == 1
    with pytest.raises(IdempotencyConflict):
        await room.call("b")
    with pytest.raises(NotFound):
        await room.call("a", key="key-2")
    with pytest.raises(NotFound):
        await room.call("a", key=None)
    room.refuses = False
    assert await room.call("b", key="key-2") == 2  # the refusal has left its key free


async def test_a_call_that_is_refused_waits_for_the_first_and_gets_its_answer(room: Counting) -> None:
    inside, goes_on = asyncio.Event(), asyncio.Event()

    async def answers_late() -> int:
        async with room.database.transaction(EffectTx) as tx:
            inside.set()
            await goes_on.wait()
            return tx.answer(7)

    with entered(CallContext(actor=ACTOR, idempotency_key="key-1")):
        first = asyncio.create_task(
            room.once(
                StringValue(value="a"),
                Int32Value,
                answers_late,
                present=lambda count: Int32Value(value=count),
            )
        )
    await inside.wait()
    room.refuses = True
    second = asyncio.create_task(room.call("a"))
    await until(lambda: room.calls == 1)
    goes_on.set()
    assert (await first).value == 7
    assert await second == 7


async def test_another_rooms_transaction_inside_the_verb_takes_no_part(scratch: Scratch) -> None:
    room, other = Counting(await scratch.database()), Counting(await scratch.database())
    other.answers = False
    verb = room.verb

    async def asks_the_other_first() -> int:
        await other.verb()
        return await verb()

    room.verb = asks_the_other_first  # type: ignore[method-assign]
    assert [await room.call("a") for _ in range(2)] == [1, 1]
    assert await other.effects() == 2  # the first room's key says nothing about the second room


async def test_ids_of_actors_are_kept_as_they_are(room: Counting) -> None:
    await room.call("a")
    await room.call("a", actor=None)
    rows = await room.database.fetch("SELECT actor_id FROM idempotency_keys ORDER BY created_at")
    assert [row["actor_id"] for row in rows] == [ACTOR.user_id, UUID(int=0)]
