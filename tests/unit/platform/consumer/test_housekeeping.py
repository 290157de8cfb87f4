"""What is kept for a while is deleted when its time is over, and not before."""

from datetime import timedelta

from nova.platform.db.tx import Tx
from nova.platform.housekeeping import Housekeeping
from nova.platform.ids import uuid7
from tests.scratch import Scratch


async def test_memory_and_keys_go_when_their_time_is_over(scratch: Scratch) -> None:
    database = await scratch.database()
    ages = [timedelta(hours=1), timedelta(hours=25), timedelta(days=7), timedelta(days=7, hours=2)]
    async with database.transaction(Tx) as tx:
        for age in ages:
            await tx.execute(
                "INSERT INTO processed_events VALUES ('g', $1, now() - $2::interval)", uuid7(), age
            )
            await tx.execute(
                "INSERT INTO idempotency_keys VALUES ($1, 'm', 'k', '', '', now() - $2::interval)",
                uuid7(),
                age,
            )
    await Housekeeping(databases=[database], log=await scratch.log()).sweep()
    assert await database.fetchval("SELECT count(*) FROM processed_events") == 3
    assert await database.fetchval("SELECT count(*) FROM idempotency_keys") == 1
