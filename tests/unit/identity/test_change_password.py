"""Changing the password: proven by the old one, and the end of every other session."""

import asyncio

import pytest

from nova.api.identity.v1 import identity_pb2 as pb
from nova.platform.errors import InvalidArgument, NovaError, RateLimited, Unauthenticated
from tests.unit.identity.identity_house import PASSWORD, IdentityHouse

NEXT = "a quite different password"


async def change(
    house: IdentityHouse,
    tokens: pb.Tokens,
    *,
    current: str = PASSWORD,
    following: str = NEXT,
    key: str | None = None,
) -> pb.Tokens:
    with house.by(tokens, key=key):
        answer = await house.stub.ChangePassword(
            pb.ChangePasswordRequest(current_password=current, next_password=following)
        )
    return answer.tokens


async def test_the_session_lives_on_with_new_tokens_and_all_others_end(house: IdentityHouse) -> None:
    mine = (await house.sign_up("ada")).tokens
    other = (await house.sign_in("ada")).tokens
    before = await house.verified(mine)
    renewed = await change(house, mine)
    after = await house.verified(renewed)
    assert after.actor.session_id == before.actor.session_id
    for tokens in (mine, other):
        with pytest.raises(Unauthenticated):
            await house.verified(tokens)
        with pytest.raises(Unauthenticated) as caught:
            await house.refresh(tokens.refresh_token)
        assert caught.value.reason == "REFRESH_TOKEN_INVALID"
    assert await house.refresh(renewed.refresh_token)
    with pytest.raises(Unauthenticated):
        await house.sign_in("ada")
    assert await house.sign_in("ada", password=NEXT)


async def test_the_wrong_current_password_changes_nothing(house: IdentityHouse) -> None:
    tokens = (await house.sign_up("ada")).tokens
    with pytest.raises(Unauthenticated) as caught:
        await change(house, tokens, current="not my password")
    assert (caught.value.reason, caught.value.field) == ("INVALID_CREDENTIALS", "current_password")
    assert await house.verified(tokens)
    assert await house.count("revocations") == 0


async def test_l1_a_stolen_session_buys_no_guesses(house: IdentityHouse) -> None:
    tokens = (await house.sign_up("ada")).tokens
    outcomes = await asyncio.gather(
        *(change(house, tokens, current="not my password") for _ in range(6)),
        *(house.sign_in("ada", password="not my password") for _ in range(6)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, Unauthenticated) for outcome in outcomes) == 10
    with pytest.raises(RateLimited):
        await change(house, tokens)


async def test_a_weak_next_password_is_refused_before_anything_is_tried(house: IdentityHouse) -> None:
    tokens = (await house.sign_up("ada")).tokens
    with pytest.raises(InvalidArgument) as caught:
        await change(house, tokens, current="not my password", following="short")
    assert caught.value.field == "next_password"
    assert await house.count("guesses") == 0


async def test_of_two_at_once_one_wins(house: IdentityHouse) -> None:
    tokens = (await house.sign_up("ada")).tokens
    outcomes = await asyncio.gather(
        change(house, tokens, following="first new password"),
        change(house, tokens, following="second new password"),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, pb.Tokens) for outcome in outcomes) == 1
    assert await house.count("refresh_tokens", "used_at IS NULL") == 1


async def test_a_repeat_under_its_key_gets_the_same_token(house: IdentityHouse) -> None:
    tokens = (await house.sign_up("ada")).tokens
    answers = await asyncio.gather(*(change(house, tokens, key="k-1") for _ in range(3)))
    answers.append(await change(house, tokens, key="k-1"))
    assert len({answer.refresh_token for answer in answers}) == 1
    assert await house.count("revocations") == 1
    assert await house.refresh(answers[-1].refresh_token)


async def test_a_repeat_with_another_next_password_changes_nothing(house: IdentityHouse) -> None:
    tokens = (await house.sign_up("ada")).tokens
    await change(house, tokens, key="k-1")
    with pytest.raises(NovaError):
        await change(house, tokens, following="yet another password", key="k-1")
    assert await house.sign_in("ada", password=NEXT)
