"""`nova events` and `nova migrate`, beside a Nova that runs."""

import asyncio
import json

import asyncpg

from nova.app.prepare import log_of
from nova.platform.dead_letters import dead_letter
from nova.platform.ids import uuid7
from nova.services.identity.events import USER_CREATED
from tests.unit.app.commands import COMMAND, Commands
from tests.waiting import until

CREATED = USER_CREATED.name


async def test_tail_prints_the_newest(nova: Commands) -> None:
    for handle in ("tail_one", "tail_two", "tail_three"):
        await nova.sign_up(handle)

    async def told() -> bool:
        shown = (await nova("events", "tail", CREATED, "--limit", "2")).lines
        return [event["value"]["handle"] for event in shown] == ["tail_two", "tail_three"]

    await until(told)
    (event,) = (await nova("events", "tail", CREATED, "--limit", "1")).lines
    assert event["value"]["user_id"].count("-") == 4
    assert {"id", "emitted_at", "partition", "offset"} < event.keys()
    assert event["actor"] is None, "a sign-up is nobody's deed"


async def test_tail_goes_on(nova: Commands) -> None:
    following = await asyncio.create_subprocess_exec(
        *COMMAND, "events", "tail", CREATED, "--follow",
        env=nova.environment, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        await nova.sign_up("tail_goes_on")
        assert following.stdout is not None
        async with asyncio.timeout(30):
            while json.loads(await following.stdout.readline())["value"]["handle"] != "tail_goes_on":
                pass
    finally:
        following.send_signal(2)
        assert await following.wait() == 130


async def test_dead_letters_are_listed_and_put_back(nova: Commands) -> None:
    assert (await nova("events", "dlq")).out == ""
    await nova.sign_up("dead_letter")
    async with log_of(nova.instance.sources) as log:
        (record,) = await log.newest(CREATED, limit=1)
        await log.append([dead_letter(record, group="user", why="HandleTaken in add:7", tries=5)])
    (letter,) = (await nova("events", "dlq")).lines
    assert letter["id"] == str(record.id)
    assert (letter["topic"], letter["group"], letter["tries"]) == (CREATED, "user", 5)

    unknown = await nova("events", "replay", CREATED, "--id", str(uuid7()))
    assert unknown.code == 1
    assert "nova events dlq" in unknown.err
    assert (await nova("events", "replay", CREATED, "--id", str(record.id))).out == "1 put back\n"
    assert (await nova("events", "replay", CREATED)).out == "1 put back\n"


async def test_events_that_were_never_published_are_listed_and_put_back(nova: Commands) -> None:
    await nova.sign_up("never_told")
    async with log_of(nova.instance.sources) as log:
        (record,) = await log.newest(CREATED, limit=1)
    refused = uuid7()
    room = await asyncpg.connect(nova.instance.sources.room_dsns["identity"])
    try:
        await room.execute(
            "INSERT INTO outbox_dead (seq, id, topic, key, payload, headers, emitted_at, tries, failure)"
            " VALUES ($1, $2, $3, $4, $5, '{}', now(), 5, 'too large')",
            1, refused, CREATED, record.key, record.payload,
        )  # fmt: skip
        (shown,) = [line for line in (await nova("events", "dlq")).lines if line["id"] == str(refused)]
        assert (shown["topic"], shown["outbox"], shown["tries"]) == (CREATED, "identity", 5)
        assert shown["why"] == "too large"
        assert (await nova("events", "replay", CREATED, "--id", str(refused))).out == "1 put back\n"
        assert await room.fetchval("SELECT count(*) FROM outbox_dead") == 0
    finally:
        await room.close()
    assert (await nova("events", "replay", CREATED, "--id", str(refused))).code == 1

    async def told() -> bool:
        shown = (await nova("events", "tail", CREATED, "--limit", "1")).lines
        return [event["id"] for event in shown] == [str(refused)]

    await until(told)


async def test_a_record_that_cannot_be_read_does_not_hide_the_rest(nova: Commands) -> None:
    async with log_of(nova.instance.sources) as log:
        (record,) = await log.newest(CREATED, limit=1)
        record.id, record.payload = uuid7(), b"\xff"
        await log.append([record])
    shown = (await nova("events", "tail", CREATED, "--limit", "2")).lines
    assert [sorted(event.keys() & {"value", "unreadable"}) for event in shown] == [["value"], ["unreadable"]]


async def test_migrate_finds_all_up_to_date(nova: Commands) -> None:
    shown = await nova("migrate", "--check")
    assert shown.code == 0
    assert {line.split(maxsplit=1)[1] for line in shown.out.splitlines()} == {"up to date"}


async def test_migrate_goes_back_and_forth(nowhere: Commands) -> None:
    assert (await nowhere("migrate")).code == 0
    back = await nowhere("migrate", "feed", "--rollback")
    assert back.out.startswith("taken back: 0001_dismissals")
    assert "feed       0001_dismissals" in (await nowhere("migrate", "--check")).out
    assert (await nowhere("migrate", "feed")).out == "up to date: feed\n"
