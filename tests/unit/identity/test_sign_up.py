"""Opening an account: once, with its event, and with nothing secret left behind."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from nova.api.identity.v1 import identity_pb2 as pb
from nova.api.identity.v1.events_pb2 import UserCreatedEvent
from nova.platform.errors import Conflict, InvalidArgument, NovaError
from nova.policy.permissions import MEMBER_PERMISSIONS
from tests.one_room import outbox_topics
from tests.unit.identity.identity_house import PASSWORD, IdentityHouse
from tests.waiting import until


async def test_an_account_opens_with_a_session_and_tells_the_others(house: IdentityHouse) -> None:
    answer = await house.sign_up("ada")
    verified = await house.verified(answer.tokens)
    assert verified.actor.user_id.bytes == answer.account.user_id
    assert verified.actor.permissions == MEMBER_PERMISSIONS
    assert answer.tokens.expires_in_s == 3600
    assert (answer.account.handle, answer.account.email) == ("ada", "ada@example.org")
    assert list(answer.account.roles) == ["member"]
    row = await house.database.primary.fetchrow("SELECT topic, key, payload FROM outbox")
    assert row is not None
    event = UserCreatedEvent.FromString(row["payload"])
    assert (row["topic"], row["key"]) == ("identity.user.created", answer.account.user_id)
    assert (event.user_id, event.handle, event.display_name) == (answer.account.user_id, "ada", "Ada")
    assert event.created_at == answer.account.created_at


@pytest.mark.parametrize(
    ("other", "reason", "field"),
    [
        ({"handle": "ADA", "email": "new@example.org"}, "HANDLE_TAKEN", "handle"),
        ({"handle": "new", "email": "Ada@Example.org"}, "EMAIL_TAKEN", "email"),
        ({"handle": "ada", "email": "ada@example.org"}, "HANDLE_TAKEN", "handle"),
    ],
)
async def test_a_taken_handle_or_email_is_refused(
    house: IdentityHouse, other: dict[str, str], reason: str, field: str
) -> None:
    await house.sign_up("ada")
    with pytest.raises(Conflict) as caught:
        await house.sign_up(**other)
    assert (caught.value.reason, caught.value.field) == (reason, field)
    assert await house.count("accounts") == 1
    assert await outbox_topics(house.database) == ["identity.user.created"]


async def test_ten_at_once_leave_one_account_and_one_event(house: IdentityHouse) -> None:
    outcomes = await asyncio.gather(*(house.sign_up("ada") for _ in range(10)), return_exceptions=True)
    reasons = Counter(
        outcome.reason if isinstance(outcome, NovaError) else type(outcome).__name__ for outcome in outcomes
    )
    assert reasons == {"SignUpResponse": 1, "HANDLE_TAKEN": 9}
    assert await house.count("accounts") == await house.count("sessions") == await house.count("outbox") == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("handle", "ab"), ("handle", "a" * 31), ("handle", "аda"), ("handle", "ada\n"),
        ("email", "ada"), ("email", "ada@localhost"), ("email", "ada@example.org\r\nBcc: x@y.zz"),
        ("password", "short"), ("password", "x" * 129),
        ("display_name", " "), ("display_name", "x" * 51), ("display_name", "a\u202eb"), ("display_name", "a\0b"),
    ],
)  # fmt: skip
async def test_q10_input_that_breaks_a_rule_names_its_field(
    house: IdentityHouse, field: str, value: str
) -> None:
    form: dict[str, Any] = {
        "handle": "ada",
        "email": "ada@example.org",
        "password": PASSWORD,
        "display_name": "Ada",
        field: value,
    }
    with pytest.raises(InvalidArgument) as caught:
        await house.stub.SignUp(pb.SignUpRequest(**form))
    assert caught.value.field == field
    assert await house.count("accounts") == await house.count("outbox") == 0


async def test_a_repeat_under_its_key_gives_the_same_account_and_refresh_token(house: IdentityHouse) -> None:
    first = await house.sign_up("ada", key="k-1")
    second = await house.sign_up("ada", key="k-1")
    assert second.account == first.account
    assert second.tokens.refresh_token == first.tokens.refresh_token
    assert await house.count("sessions") == await house.count("outbox") == 1
    assert await house.count("guesses", "guessed_at <> '{}'") == 0


async def test_ten_at_once_under_one_key_get_one_answer(house: IdentityHouse) -> None:
    answers = await asyncio.gather(*(house.sign_up("ada", key="k-1") for _ in range(10)))
    assert len({(answer.account.user_id, answer.tokens.refresh_token) for answer in answers}) == 1
    assert await house.count("accounts") == await house.count("sessions") == await house.count("outbox") == 1


async def hold_accounts(house: IdentityHouse) -> None:
    """Wait until nobody else has the accounts, and have others wait for that too."""
    async with house.store.transaction() as tx:
        await tx.execute("LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE")


async def test_a_repeat_that_looks_around_as_the_first_call_ends_gets_its_answer(
    house: IdentityHouse,
) -> None:
    async with house.store.transaction() as tx:
        await tx.execute("LOCK TABLE mails IN SHARE MODE")
        first = asyncio.create_task(house.sign_up("ada", key="k-1"))
        await until(house.waiting)
        holding = asyncio.create_task(hold_accounts(house))
        await until(lambda: house.waiting(2))
        repeat = asyncio.create_task(house.sign_up("ada", key="k-1"))
        await until(lambda: house.waiting(3))
    answer, again, _ = await asyncio.gather(first, repeat, holding)
    assert again.account == answer.account
    assert again.tokens.refresh_token == answer.tokens.refresh_token


@pytest.mark.parametrize(
    "other", [{"handle": "eve"}, {"email": "eve@example.org"}, {"password": "another password"}]
)
async def test_another_body_under_the_key_is_a_conflict(house: IdentityHouse, other: dict[str, str]) -> None:
    await house.sign_up("ada", key="k-1")
    with pytest.raises(Conflict) as caught:
        await house.sign_up(**{"handle": "ada", **other}, key="k-1")
    assert caught.value.reason == "IDEMPOTENCY_CONFLICT"
    assert await house.count("accounts") == 1


async def test_a_refused_sign_up_leaves_its_key_free(house: IdentityHouse) -> None:
    await house.sign_up("ada")
    with pytest.raises(Conflict):
        await house.sign_up("ada", key="k-1")
    assert (await house.sign_up("eve", key="k-1")).account.handle == "eve"


async def test_a_repeat_after_the_session_moved_on_opens_another(house: IdentityHouse) -> None:
    first = await house.sign_up("ada", key="k-1")
    moved = await house.refresh(first.tokens.refresh_token)
    second = await house.sign_up("ada", key="k-1")
    assert second.tokens.refresh_token not in {first.tokens.refresh_token, moved.tokens.refresh_token}
    assert await house.count("sessions") == 2


async def test_nothing_secret_is_stored_in_clear(house: IdentityHouse) -> None:
    answer = await house.sign_up("ada", key="k-secret-key")
    secrets = [PASSWORD, answer.tokens.refresh_token, answer.tokens.access_token, "k-secret-key"]
    tables = await house.database.primary.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    )
    for (table,) in tables:
        rows = await house.database.primary.fetch(f'SELECT row_to_json(entry)::text FROM "{table}" AS entry')
        for (text,) in rows:
            for secret in secrets:
                assert secret not in text, table
                assert secret.encode().hex() not in text, table
