"""What the log in PostgreSQL promises beyond the contract: one order for all, no gaps, and nothing trimmed unread."""

from collections import defaultdict

import pytest

from nova.platform.log.port import PositionLost
from nova.platform.log.postgres import PostgresLog
from tests.contract.test_event_log import OTHERS, THINGS, record, tailed, take
from tests.scratch import Scratch


@pytest.fixture
async def log(scratch: Scratch) -> PostgresLog:
    log = await scratch.log()
    await log.declare([THINGS, OTHERS])
    return log


async def test_a_tail_reads_what_one_producer_told_in_its_order_across_topics(log: PostgresLog) -> None:
    sent = [
        record(b"%d" % (place % 7), b"%d" % place, [THINGS, OTHERS][place % 2].name) for place in range(200)
    ]
    for start in range(0, 200, 20):
        await log.append(sent[start : start + 20])
    assert [one.id for one in await tailed(log, 200, (THINGS, OTHERS))] == [one.id for one in sent]


async def test_offsets_have_no_gaps(log: PostgresLog) -> None:
    for start in range(10):
        await log.append([record(bytes([key]), b"%d" % start) for key in range(10)])
    offsets: dict[int, list[int]] = defaultdict(list)
    for one in await tailed(log, 100):
        offsets[one.partition].append(one.offset)
    assert all(places == list(range(len(places))) for places in offsets.values())


async def test_what_every_group_has_read_is_trimmed_and_the_rest_stays(log: PostgresLog) -> None:
    await log.append([record(payload=b"%d" % place) for place in range(6)])
    await take(log, "g", limit=4)
    assert await log.trim(older_than_s=3600) == 0
    assert await log.trim(older_than_s=-1) == 4
    with pytest.raises(PositionLost):
        await tailed(log, 1)
    assert [one.payload for one in await take(log, "new")] == [b"4", b"5"]
    await log.forget("g")
    assert await log.trim(older_than_s=-1) == 2
    await log.append([record(payload=b"6")])
    assert [one.offset for one in await take(log, "new")] == [6]
