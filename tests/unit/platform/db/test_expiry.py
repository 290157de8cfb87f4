"""Rows whose time is over go, batch by batch; what somebody holds is left for next time."""

from datetime import timedelta
from functools import partial

import pytest

from nova.platform.db import expiry
from nova.platform.db.expiry import delete_expired
from nova.platform.db.tx import Tx
from nova.platform.ids import uuid7
from tests.scratch import Scratch

HOUR = timedelta(hours=1)


async def test_old_rows_go_in_batches_and_held_ones_next_time(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = await scratch.database()
    monkeypatch.setattr(expiry, "BATCH", 2)
    ids = [uuid7() for _ in range(5)]
    async with database.transaction(Tx) as tx:
        for number, event_id in enumerate(ids):
            await tx.execute(
                "INSERT INTO processed_events VALUES ('g', $1, now() - $2::interval)", event_id, number * HOUR
            )
    sweep = partial(
        delete_expired, partial(database.transaction, Tx), "processed_events", "processed_at", 1.5 * HOUR
    )
    async with database.transaction(Tx) as holder:
        await holder.execute("SELECT FROM processed_events WHERE event_id = $1 FOR UPDATE", ids[4])
        assert await sweep() == 2
    assert await sweep() == 1
    assert await database.fetchval("SELECT count(*) FROM processed_events") == 2
