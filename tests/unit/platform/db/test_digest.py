"""Digests of what tables hold."""

import pytest

from nova.platform.db.digest import Digest, SnapshotTx
from nova.platform.db.failures import DatabaseDown
from nova.platform.ids import uuid7
from tests.scratch import EffectTx, Scratch

FACTS = "SELECT concat_ws(' ', encode(key, 'escape'), place) FROM effects"


async def test_equal_facts_have_equal_digests_in_any_order(scratch: Scratch) -> None:
    digests: list[Digest] = []
    for rows in ([(b"a", 1), (b"b", 2)], [(b"b", 2), (b"a", 1)], [(b"a", 2), (b"b", 1)]):
        database = await scratch.database()
        async with database.transaction(EffectTx) as tx:
            await tx.add_effects([(uuid7(), key, place) for key, place in rows])
        async with database.transaction(SnapshotTx) as snapshot:
            digests.append(await snapshot.digest(FACTS))
    assert digests[0] == digests[1] != digests[2]
    assert digests[0].facts == 2
    assert len(digests[0].hash) == 32


async def test_two_digests_of_one_snapshot_are_of_one_moment(scratch: Scratch) -> None:
    database = await scratch.database()
    async with database.transaction(SnapshotTx) as snapshot:
        before = await snapshot.digest(FACTS)
        assert before == Digest(facts=0, hash="0" * 32)
        async with database.transaction(EffectTx) as tx:
            await tx.add_effect(uuid7(), b"a", 1)
        assert await snapshot.digest(FACTS) == before
    async with database.transaction(SnapshotTx) as snapshot:
        assert (await snapshot.digest(FACTS)).facts == 1


async def test_a_snapshot_writes_nothing(scratch: Scratch) -> None:
    database = await scratch.database()
    with pytest.raises(DatabaseDown):  # as on a primary that has become a replica
        async with database.transaction(SnapshotTx) as snapshot:
            await snapshot.execute("INSERT INTO effects DEFAULT VALUES")
    assert await database.fetchval("SELECT count(*) FROM effects") == 0
