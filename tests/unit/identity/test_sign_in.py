"""Signing in: by handle or e-mail, ten wrong passwords an hour, and no hint whether an account exists."""

import asyncio
from collections import Counter

import argon2
import pytest

from nova.api.identity.v1 import identity_pb2 as pb
from nova.platform.errors import (
    Code,
    IdempotencyConflict,
    InvalidArgument,
    NovaError,
    RateLimited,
    Unauthenticated,
)
from tests.unit.identity.identity_house import PASSWORD, IdentityHouse
from tests.waiting import until


def reasons(outcomes: list[object]) -> Counter[str]:
    return Counter(
        outcome.reason if isinstance(outcome, NovaError) else type(outcome).__name__ for outcome in outcomes
    )


async def tried(
    house: IdentityHouse, *logins: str, times: int, password: str = "wrong password"
) -> list[object]:
    """Return the outcomes of guesses made all at once, over the logins in turn."""
    return list(
        await asyncio.gather(
            *(house.sign_in(logins[number % len(logins)], password=password) for number in range(times)),
            return_exceptions=True,
        )
    )


async def age_guesses(house: IdentityHouse, minutes: int) -> None:
    """Let time pass for the guesses made so far: it is the database's clock that counts it."""
    await house.database.primary.fetch(
        "UPDATE guesses SET guessed_at = "
        "ARRAY(SELECT past - make_interval(mins => $1) FROM unnest(guessed_at) AS past)",
        minutes,
    )


@pytest.mark.parametrize("login", ["ada", "ADA", "ada@example.org", " Ada@Example.ORG "])
async def test_the_account_is_found_by_handle_or_email(house: IdentityHouse, login: str) -> None:
    known = await house.sign_up("ada")
    answer = await house.sign_in(login)
    assert answer.account == known.account
    assert (await house.verified(answer.tokens)).actor.user_id.bytes == known.account.user_id


async def test_a_password_is_the_same_in_every_unicode_form(house: IdentityHouse) -> None:
    await house.sign_up("ada", password="Ångström 東京 ﬁ")
    assert await house.sign_in("ada", password="A\u030angstro\u0308m 東京 fi")


async def test_l1_of_eleven_guesses_at_once_ten_are_evaluated(house: IdentityHouse) -> None:
    await house.sign_up("ada")
    assert reasons(await tried(house, "ada", times=11)) == {"INVALID_CREDENTIALS": 10, "TOO_MANY_GUESSES": 1}


async def test_l1_aliases_share_the_account_s_guesses(house: IdentityHouse) -> None:
    await house.sign_up("ada")
    outcomes = await tried(house, "ada", "ada@example.org", "ADA", times=40)
    assert reasons(outcomes) == {"INVALID_CREDENTIALS": 10, "TOO_MANY_GUESSES": 30}


async def test_l1_even_the_right_password_is_not_evaluated_beyond(house: IdentityHouse) -> None:
    await house.sign_up("ada")
    await tried(house, "ada", times=10)
    with pytest.raises(RateLimited) as caught:
        await house.sign_in("ada")
    assert caught.value.retry_after_s is not None
    assert 3500 < caught.value.retry_after_s <= 3600


async def test_l1_a_guess_counts_for_an_hour(house: IdentityHouse) -> None:
    await house.sign_up("ada")
    await tried(house, "ada", times=10)
    await age_guesses(house, 59)
    assert reasons(await tried(house, "ada", times=1)) == {"TOO_MANY_GUESSES": 1}
    await age_guesses(house, 2)
    assert await house.sign_in("ada")


async def test_l1_the_window_slides(house: IdentityHouse) -> None:
    await house.sign_up("ada")
    await tried(house, "ada", times=6)
    await age_guesses(house, 61)
    await tried(house, "ada", times=6)
    assert reasons(await tried(house, "ada", times=6)) == {"INVALID_CREDENTIALS": 4, "TOO_MANY_GUESSES": 2}


async def test_l1_right_passwords_are_not_counted(house: IdentityHouse) -> None:
    await house.sign_up("ada")
    for _ in range(12):
        await house.sign_in("ada")
    assert reasons(await tried(house, "ada", times=11)) == {"INVALID_CREDENTIALS": 10, "TOO_MANY_GUESSES": 1}


async def test_l1_one_account_s_guesses_do_not_lock_another(house: IdentityHouse) -> None:
    await house.sign_up("ada")
    await house.sign_up("eve")
    await tried(house, "ada", times=11)
    assert await house.sign_in("eve")


async def test_l3_known_and_unknown_are_refused_alike(house: IdentityHouse) -> None:
    await house.sign_up("ada")
    refusals = []
    for login in ("ada", "nobody", "ada@example.org", "nobody@example.org"):
        with pytest.raises(Unauthenticated) as caught:
            await house.sign_in(login, password="wrong password")
        error = caught.value
        refusals.append((error.code, error.reason, error.message, error.field, error.retry_after_s))
    assert set(refusals) == {
        (Code.UNAUTHENTICATED, "INVALID_CREDENTIALS", "The login or the password is wrong.", None, None)
    }


async def test_l3_an_unknown_login_is_limited_like_a_known_one(house: IdentityHouse) -> None:
    assert reasons(await tried(house, "nobody", times=12)) == {
        "INVALID_CREDENTIALS": 10,
        "TOO_MANY_GUESSES": 2,
    }


@pytest.mark.parametrize("password", ["", "short", "wrong\0password"])
async def test_l3_a_password_that_nobody_can_have_is_just_wrong(house: IdentityHouse, password: str) -> None:
    await house.sign_up("ada")
    assert reasons(await tried(house, "ada", "nobody", times=2, password=password)) == {
        "INVALID_CREDENTIALS": 2
    }


@pytest.mark.parametrize(
    ("login", "password", "field"),
    [("a" * 255, PASSWORD, "login"), ("ada\0", PASSWORD, "login"), ("ada", "x" * 129, "password")],
)
async def test_giant_input_is_refused_before_it_costs(
    house: IdentityHouse, login: str, password: str, field: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await house.sign_in(login, password=password)
    assert caught.value.field == field
    assert await house.count("guesses") == 0


async def test_an_outdated_hash_is_renewed_at_the_next_sign_in(house: IdentityHouse) -> None:
    await house.sign_up("ada")
    old = argon2.PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    await house.database.primary.fetch("UPDATE accounts SET password_hash = $1", old)
    await house.sign_in("ada")
    renewed = await house.database.primary.fetchval("SELECT password_hash FROM accounts")
    assert argon2.extract_parameters(renewed).memory_cost == 19_456
    assert await house.sign_in("ada")


async def test_a_password_changed_meanwhile_opens_nothing(house: IdentityHouse) -> None:
    """The session of somebody who has proven the old password must not outlive its change."""
    await house.sign_up("ada")
    async with house.store.transaction() as tx:
        credentials = await house.store.find_by_login("ada")
        assert credentials is not None
        await tx.lock_credentials(credentials.account.user_id)
        entering = asyncio.create_task(house.sign_in("ada"))
        await until(house.waiting)
        await tx.set_password(credentials.account.user_id, "changed")
    with pytest.raises(Unauthenticated):
        await entering
    assert await house.count("sessions") == 1


async def test_a_repeat_under_its_key_is_the_same_session(house: IdentityHouse) -> None:
    await house.sign_up("ada")
    first, second = await house.sign_in("ada", key="k-1"), await house.sign_in("ada", key="k-1")
    assert first.tokens.refresh_token == second.tokens.refresh_token
    assert await house.count("sessions") == 2
    with pytest.raises(Unauthenticated):
        await house.sign_in("ada", key="k-1", password="wrong password")


async def test_another_login_under_the_key_is_a_conflict(house: IdentityHouse) -> None:
    await house.sign_up("ada")
    await house.sign_up("eve")
    await house.sign_in("ada", key="k-1")
    with pytest.raises(NovaError) as caught:
        await house.sign_in("eve", key="k-1")
    assert caught.value.reason == IdempotencyConflict().reason


async def test_a_dead_session_s_token_does_not_come_back_under_its_key(house: IdentityHouse) -> None:
    await house.sign_up("ada")
    first = await house.sign_in("ada", key="k-1")
    with house.by(first.tokens):
        await house.stub.SignOut(pb.SignOutRequest())
    second = await house.sign_in("ada", key="k-1")
    assert second.tokens.refresh_token != first.tokens.refresh_token
    with pytest.raises(Unauthenticated):
        await house.refresh(first.tokens.refresh_token)
