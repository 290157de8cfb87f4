"""Suspended while somebody signs in, refreshes or changes the password: whoever comes first, nothing is left alive."""

import asyncio

import pytest

from nova.api.identity.v1 import identity_pb2 as pb
from nova.platform.errors import NovaError, Unauthenticated
from nova.policy.permissions import Role
from tests.unit.identity.identity_house import PASSWORD, IdentityHouse
from tests.unit.identity.suspended import reinstate, suspend
from tests.waiting import until

ROUNDS = 4
AT_ONCE = 6
ADAS = "user_id = (SELECT user_id FROM accounts WHERE handle = 'ada')"


async def void(house: IdentityHouse, tokens: pb.Tokens) -> None:
    """Check that neither token of a pair is good."""
    with pytest.raises(Unauthenticated) as caught:
        await house.verified(tokens)
    assert caught.value.reason == "REVOKED_TOKEN"
    with pytest.raises(NovaError):
        await house.refresh(tokens.refresh_token)


async def test_a_sign_in_that_waits_for_a_suspension_opens_nothing(house: IdentityHouse) -> None:
    moderator = await house.staff("mod", Role.MODERATOR)
    ada = await house.sign_up("ada")
    async with house.store.transaction() as tx:
        await tx.execute("LOCK TABLE revocations IN SHARE MODE")
        suspending = asyncio.create_task(suspend(house, moderator, ada.account.user_id))
        await until(house.waiting)
        entering = asyncio.create_task(house.sign_in("ada"))
        await until(lambda: house.waiting(2))
    await suspending
    with pytest.raises(NovaError) as caught:
        await entering
    assert caught.value.reason == "ACCOUNT_SUSPENDED"
    assert await house.count("sessions", ADAS) == 0


async def test_a_session_that_opens_before_a_suspension_ends_with_it(house: IdentityHouse) -> None:
    moderator = await house.staff("mod", Role.MODERATOR)
    ada = await house.sign_up("ada")
    async with house.store.transaction() as tx:
        await tx.execute("LOCK TABLE sessions IN SHARE MODE")
        entering = asyncio.create_task(house.sign_in("ada"))
        await until(house.waiting)
        suspending = asyncio.create_task(suspend(house, moderator, ada.account.user_id))
        await until(lambda: house.waiting(2))
    await suspending
    await void(house, (await entering).tokens)
    assert await house.count("sessions", ADAS) == 0


async def test_t6_a_refresh_that_comes_before_a_suspension_leaves_nothing(house: IdentityHouse) -> None:
    moderator = await house.staff("mod", Role.MODERATOR)
    ada = await house.sign_up("ada")
    async with house.store.transaction() as tx:
        await tx.execute(f"SELECT FROM sessions WHERE {ADAS} FOR UPDATE")
        renewing = asyncio.create_task(house.refresh(ada.tokens.refresh_token))
        await until(house.waiting)
        suspending = asyncio.create_task(suspend(house, moderator, ada.account.user_id))
        await until(lambda: house.waiting(2))
    await suspending
    await void(house, (await renewing).tokens)
    assert await house.count("sessions", ADAS) == 0


async def test_t6_a_refresh_that_waits_for_a_suspension_is_refused(house: IdentityHouse) -> None:
    moderator = await house.staff("mod", Role.MODERATOR)
    ada = await house.sign_up("ada")
    async with house.store.transaction() as tx:
        await tx.execute("LOCK TABLE revocations IN SHARE MODE")
        suspending = asyncio.create_task(suspend(house, moderator, ada.account.user_id))
        await until(house.waiting)
        renewing = asyncio.create_task(house.refresh(ada.tokens.refresh_token))
        await until(lambda: house.waiting(2))
    await suspending
    with pytest.raises(Unauthenticated) as caught:
        await renewing
    assert caught.value.reason == "REFRESH_TOKEN_INVALID"


async def unchanged(house: IdentityHouse, tokens: pb.Tokens) -> pb.ChangePasswordResponse:
    """Change the password to what it is."""
    with house.by(tokens):
        return await house.stub.ChangePassword(
            pb.ChangePasswordRequest(current_password=PASSWORD, next_password=PASSWORD)
        )


async def test_t6_no_race_leaves_a_session_or_a_good_token(house: IdentityHouse) -> None:
    """Sessions are opened, renewed, given another password and ended all at once, round after round."""
    moderator = await house.staff("mod", Role.MODERATOR)
    ada = await house.sign_up("ada")
    for _ in range(ROUNDS):
        opened = [(await house.sign_in("ada")).tokens for _ in range(AT_ONCE)]
        outcomes = await asyncio.gather(
            *(house.sign_in("ada") for _ in range(AT_ONCE)),
            *(house.refresh(tokens.refresh_token) for tokens in opened[1:]),
            unchanged(house, opened[0]),
            suspend(house, moderator, ada.account.user_id),
            return_exceptions=True,
        )
        for outcome in outcomes:
            assert not isinstance(outcome, BaseException) or isinstance(outcome, NovaError), outcome
        assert isinstance(outcomes[-1], pb.Suspension)
        assert await house.count("sessions", ADAS) == 0
        given = [outcome.tokens for outcome in outcomes if hasattr(outcome, "tokens")]
        for tokens in [*opened, *given]:
            await void(house, tokens)
        await reinstate(house, moderator, ada.account.user_id)
    assert await house.count("sessions", f"NOT {ADAS}") == 1
