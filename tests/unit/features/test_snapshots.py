"""A new process goes on where the last one stopped: nothing lost, nothing twice."""

import asyncio
import threading
from typing import Any

import pytest

from nova.platform.db.tx import Tx
from nova.platform.errors import Unavailable
from nova.platform.ids import uuid7
from nova.services.features.service.memory import HALF_LIVES_KEPT
from tests.unit.features.conftest import DAY_S, FeaturesHouse
from tests.waiting import until


async def test_a_new_process_knows_what_the_last_one_knew(empty: FeaturesHouse) -> None:
    house = empty
    await house.process.start()
    post_id = await house.posted(house.ada, "pond")
    made = [react(house.kofi, post_id, house.ada) for react in (house.like, house.comment, house.share)]
    await house.tell(*made)
    known = await house.process.row(house.kofi, post_id, house.ada)
    await house.process.stop()
    assert await house.database.primary.fetchval("SELECT count(*) FROM snapshots") == 1
    process = await house.begin()
    await process.start()
    await house.tell()
    assert await process.row(house.kofi, post_id, house.ada) == known
    assert await process.popular(house.kofi) == [post_id]
    assert await process.topics(house.kofi) == ["pond"]
    # What was delivered before the stop may be delivered again after it.
    await house.tell(*made)
    assert await process.row(house.kofi, post_id, house.ada) == known
    await process.stop()


async def test_a_process_that_died_reads_again_what_came_after_its_snapshot(house: FeaturesHouse) -> None:
    post_id = await house.posted(house.ada)
    await house.tell(house.like(uuid7(), post_id, house.ada))
    await house.process.keeper._keep()
    await house.tell(*(house.like(uuid7(), post_id, house.ada) for _ in range(3)))
    await house.process.projection.stop()
    process = await house.begin()
    await process.projection.start()
    await house.tell(house.like(uuid7(), post_id, house.ada))
    assert (await process.row(house.kofi, post_id, house.ada))["post_likes"] == 5.0


async def test_a_snapshot_says_how_far_the_log_was_read(house: FeaturesHouse) -> None:
    post_id = await house.posted(house.ada)
    await house.tell(*(house.like(uuid7(), post_id, house.ada) for _ in range(3)))
    await house.process.keeper._keep()
    await house.process.projection.stop()
    # What is remembered of single events is bounded; the place in the log is what keeps them from counting twice.
    await house.database.primary.fetch("UPDATE snapshots SET notes = jsonb_set(notes, '{handled}', '[]')")
    process = await house.begin()
    await process.projection.start()
    await house.tell(house.like(uuid7(), post_id, house.ada))
    assert (await process.row(house.kofi, post_id, house.ada))["post_likes"] == 4.0


async def test_what_is_known_stays_when_the_log_no_longer_reaches_back(house: FeaturesHouse) -> None:
    post_id = await house.posted(house.ada)
    await house.tell(house.like(uuid7(), post_id, house.ada))
    known = await house.process.row(house.kofi, post_id, house.ada)
    assert await house.process.keeper._snapshots.load() is None
    assert await house.process.row(house.kofi, post_id, house.ada) == known


async def test_without_a_snapshot_all_of_the_log_is_read(house: FeaturesHouse) -> None:
    post_id = await house.posted(house.ada)
    await house.tell(*(house.like(uuid7(), post_id, house.ada) for _ in range(3)))
    await house.process.projection.stop()
    process = await house.begin()
    await process.projection.start()
    await process.projection.caught_up(20)
    assert (await process.row(house.kofi, post_id, house.ada))["post_likes"] == 3.0


async def test_features_declared_anew_are_learnt_from_the_log(house: FeaturesHouse) -> None:
    post_id = await house.posted(house.ada)
    await house.tell(house.like(house.kofi, post_id, house.ada))
    await house.process.keeper._keep()
    await house.process.projection.stop()
    await house.database.primary.fetch("UPDATE snapshots SET tables = ARRAY['x', 'x', 'x', 'x']::bytea[]")
    process = await house.begin()
    await process.projection.start()
    await process.projection.caught_up(20)
    assert (await process.row(house.kofi, post_id, house.ada))["post_likes"] == 1.0


async def test_nothing_new_is_not_kept_again(house: FeaturesHouse) -> None:
    await house.posted(house.ada)
    await house.process.keeper._keep()
    house.clock.advance(60)
    await house.process.keeper._keep()
    taken_at = await house.database.primary.fetchval("SELECT taken_at FROM snapshots")
    assert (house.clock.now() - taken_at).total_seconds() == 60


async def test_what_has_faded_is_dropped(house: FeaturesHouse) -> None:
    post_id = await house.posted(house.ada, "pond")
    await house.tell(house.like(house.kofi, post_id, house.ada))
    for days, left in ((HALF_LIVES_KEPT + 1, 3), (7 * HALF_LIVES_KEPT, 2), (30 * HALF_LIVES_KEPT, 0)):
        house.clock.advance(days * DAY_S)
        # An event that touches no row, for a snapshot is taken only when something happened.
        await house.tell(house.edited(uuid7().bytes, house.ada))
        await house.process.keeper._keep()
        memory = house.process.keeper._snapshots._memory
        assert sum(len(table) for table in memory.tables.values()) == left


async def test_events_go_on_while_a_snapshot_is_stored(house: FeaturesHouse) -> None:
    post_id = await house.posted(house.ada)
    await house.tell(house.like(uuid7(), post_id, house.ada))
    async with house.database.transaction(Tx) as tx:
        await tx.execute("LOCK TABLE snapshots")
        keeping = asyncio.create_task(house.process.keeper._keep())
        waits = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND relation = 'snapshots'::regclass"
        await until(lambda: tx.fetchval(waits))
        await house.tell(house.like(uuid7(), post_id, house.ada))
        assert (await house.process.row(house.kofi, post_id, house.ada))["post_likes"] == 2.0
    await keeping
    await house.process.projection.stop()
    process = await house.begin()
    await process.projection.start()
    await process.projection.caught_up(20)
    assert (await process.row(house.kofi, post_id, house.ada))["post_likes"] == 2.0


async def test_s3_a_start_that_failed_half_way_loses_no_history(house: FeaturesHouse) -> None:
    post_id = await house.posted(house.ada, "pond")
    await house.tell(house.like(house.kofi, post_id, house.ada))
    await house.process.keeper._keep()
    await house.process.projection.stop()
    process = await house.begin()
    house.content.down = True
    with pytest.raises(Unavailable):
        await process.projection.start()
    house.content.down = False
    await house.database.close()
    with pytest.raises(Unavailable):
        await process.projection.start()
    await house.database.open()
    await process.projection.start()
    row = await process.row(house.kofi, post_id, house.ada)
    assert (row["post_likes"], row["topic_interest"]) == (1.0, 1.0)


async def test_a_snapshot_is_taken_beside_the_loop(
    house: FeaturesHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.posted(house.ada)
    memory = house.process.keeper._snapshots._memory
    threads: list[int] = []

    def watched(work: Any) -> Any:
        def taken(*arguments: Any, **named: Any) -> Any:
            threads.append(threading.get_ident())
            return work(*arguments, **named)

        return taken

    for name in ("notes", "prune"):
        monkeypatch.setattr(memory, name, watched(getattr(memory, name)))
    await house.process.keeper._keep()
    assert len(threads) == 2
    assert threading.get_ident() not in threads


async def test_notes_of_another_release_are_learnt_from_the_log(house: FeaturesHouse) -> None:
    post_id = await house.posted(house.ada, "pond")
    await house.tell(house.like(house.kofi, post_id, house.ada))
    await house.process.keeper._keep()
    await house.process.projection.stop()
    await house.database.primary.fetch("UPDATE snapshots SET notes = notes - 'shape'")
    process = await house.begin()
    await process.projection.start()
    await process.projection.caught_up(20)
    assert (await process.row(house.kofi, post_id, house.ada))["post_likes"] == 1.0
    assert await process.topics(house.kofi) == ["pond"]


async def test_x2_what_was_deleted_stays_so_in_a_new_process(house: FeaturesHouse) -> None:
    post_id, created = house.post(house.ada, "pond")
    liked = house.like(house.kofi, post_id, house.ada)
    del house.content.tags[post_id]
    await house.tell(house.deleted(post_id, house.ada))
    await house.process.keeper._keep()
    await house.process.projection.stop()
    process = await house.begin()
    await process.projection.start()
    await house.tell(created, liked)
    assert set(await process.row(house.kofi, post_id, house.ada)) == {
        "author_reactions",
        "author_posts",
        "pair_likes",
    }
    assert await process.popular(house.kofi) == []
