"""Opening many accounts at once, as seeding does: in one transaction with their events."""

from datetime import UTC, datetime

import pytest

from nova.platform.ids import uuid7
from nova.policy.permissions import Role
from nova.services.identity import events
from nova.services.identity.model import NewAccount, UserId
from nova.services.identity.passwords import Passwords
from tests.unit.identity.identity_house import PASSWORD, IdentityHouse

CREATED_AT = datetime(2024, 2, 29, 12, tzinfo=UTC)


def people(count: int, password_hash: str) -> list[NewAccount]:
    return [
        NewAccount(
            user_id=UserId(uuid7()),
            handle=f"person_{number}",
            email=f"person_{number}@example.org",
            password_hash=password_hash,
            display_name=f"人 {number}",
            created_at=CREATED_AT,
            roles=frozenset({Role.MEMBER, Role.PREMIUM}) if number % 2 else frozenset({Role.MEMBER}),
        )
        for number in range(count)
    ]


async def seed(house: IdentityHouse, rows: list[NewAccount]) -> list[UserId]:
    async with house.store.transaction() as tx:
        added = await tx.add_accounts(rows)
        for row in rows:
            if row.user_id in added:
                tx.emit(events.user_created(row))
        return added


async def test_three_hundred_people_can_sign_in_with_their_roles(house: IdentityHouse) -> None:
    passwords = Passwords(workers=1)
    rows = people(300, await passwords.hash(PASSWORD))
    passwords.close()
    assert set(await seed(house, rows)) == {row.user_id for row in rows}
    assert await house.count("outbox", "topic = 'identity.user.created'") == 300
    account = (await house.sign_in("person_299")).account
    assert list(account.roles) == ["member", "premium"]
    assert account.created_at.ToDatetime(tzinfo=UTC) == CREATED_AT


async def test_who_is_there_already_is_left_as_he_is(house: IdentityHouse) -> None:
    await house.sign_up("person_1")
    rows = people(3, "")
    assert await seed(house, rows) == [rows[0].user_id, rows[2].user_id]
    assert await seed(house, rows) == []
    assert await house.count("accounts") == await house.count("outbox") == 3


async def test_a_failure_keeps_neither_accounts_nor_events(house: IdentityHouse) -> None:
    rows = people(2, "")

    async def fail_midway() -> None:
        async with house.store.transaction() as tx:
            await tx.add_accounts(rows)
            tx.emit(events.user_created(rows[0]))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail_midway()
    assert await house.count("accounts") == await house.count("outbox") == 0
