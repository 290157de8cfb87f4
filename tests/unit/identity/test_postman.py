"""The queue of mails: sent once, tried five times, given up with a line in the log."""

import asyncio
import shutil
from datetime import timedelta

from structlog.testing import capture_logs

from nova.services.identity.store.sweeping import sweep
from tests.unit.identity.identity_house import IdentityHouse
from tests.waiting import until

ADA = "ada@example.org"
QUEUED = "due_at IS NOT NULL"


async def stopped(house: IdentityHouse) -> None:
    """Stop the postman, and put a file where the folder of mails would be."""
    await house.postman.stop()
    house.folder.parent.mkdir(exist_ok=True)
    house.folder.write_text("in the way")


async def test_a_mail_leaves_at_once_and_only_once(house: IdentityHouse) -> None:
    await house.sign_up("ada")
    await until(lambda: len(house.mails(ADA)) == 1)

    async def settled() -> bool:
        return await house.count("mails", QUEUED) == 0

    await until(settled)
    shutil.rmtree(house.folder)
    house.clock.advance(3600)
    await house.postman.deliver()
    assert house.mails(ADA) == []


async def test_what_waits_is_sent_when_the_postman_comes_back(house: IdentityHouse) -> None:
    await house.postman.stop()
    for handle in ("ada", "eve"):
        await house.sign_up(handle)
    assert not house.folder.exists()
    await house.postman.start()
    await until(lambda: bool(house.mails(ADA) and house.mails("eve@example.org")))


async def test_a_mail_that_fails_is_tried_five_times_ever_more_rarely(house: IdentityHouse) -> None:
    await stopped(house)
    await house.sign_up("ada")
    waits = []
    with capture_logs() as logs:
        for _ in range(5):
            await house.postman.deliver()
            due_at = await house.database.primary.fetchval("SELECT due_at FROM mails")
            if due_at is not None:
                waits.append((due_at - house.clock.now()).total_seconds())
                house.clock.advance(waits[-1] - 0.001)
                await house.postman.deliver()
                assert await house.count("mails", f"tries = {len(waits)}") == 1, "not before it is due"
                house.clock.advance(0.002)
    assert [line["event"] for line in logs] == ["mail_put_off"] * 4 + ["mail_given_up"]
    assert ADA not in str(logs)
    assert [whole / 2 <= wait <= whole for wait, whole in zip(waits, (30, 60, 120, 240), strict=True)] == [
        True
    ] * 4
    assert await house.count("mails", "tries = 5 AND due_at IS NULL") == 1


async def test_a_mail_that_failed_arrives_at_a_later_try(house: IdentityHouse) -> None:
    await stopped(house)
    await house.sign_up("ada")
    await house.postman.deliver()
    house.folder.unlink()
    house.clock.advance(60)
    await house.postman.deliver()
    assert len(house.mails(ADA)) == 1


async def test_of_many_postmen_one_takes_each_mail(house: IdentityHouse) -> None:
    await house.postman.stop()
    await asyncio.gather(*(house.sign_up(f"user_{number}") for number in range(12)))
    with capture_logs() as logs:
        await asyncio.gather(*(house.postman.deliver() for _ in range(5)))
    assert logs == []
    assert await house.count("mails", "tries = 1 AND due_at IS NULL") == 12


async def test_a_mail_whose_sender_died_is_taken_up_by_another(house: IdentityHouse) -> None:
    await house.postman.stop()
    await house.sign_up("ada")
    now = house.clock.now()
    async with house.store.transaction() as tx:
        (taken,) = await tx.take_due(now, again_at=now.replace(year=now.year + 1), limit=10)
        await tx.set_due(taken.mail.mail_id, now)
    await house.postman.deliver()
    assert len(house.mails(ADA)) == 1


async def test_a_link_that_has_expired_is_not_sent_and_its_row_is_swept(house: IdentityHouse) -> None:
    await stopped(house)
    await house.sign_up("ada")
    house.folder.unlink()
    house.clock.advance(24 * 3600 + 1)
    await house.postman.deliver()
    assert house.mails(ADA) == []
    await house.database.primary.fetch("UPDATE mails SET expires_at = now() - interval '1 second'")
    await sweep(house.store, {"mails": timedelta(0)})
    assert await house.count("mails") == 0


async def test_mails_go_with_their_account(house: IdentityHouse) -> None:
    await house.sign_up("ada")
    await house.database.primary.fetch("DELETE FROM accounts")
    assert await house.count("mails") == 0
