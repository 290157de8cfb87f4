"""Verified addresses: a mail at sign-up, another on demand, a link that is good once."""

import asyncio

import pytest

from nova.api.identity.v1 import identity_pb2 as pb
from nova.platform.errors import InvalidArgument, RateLimited, Unauthenticated
from nova.platform.rpc.context import CallContext, entered
from tests.unit.identity.identity_house import IdentityHouse

ADA = "ada@example.org"
PAGE = "verify-email"


async def verify(house: IdentityHouse, token: str, *, key: str | None = None) -> str:
    with entered(CallContext(idempotency_key=key)):
        return (await house.stub.VerifyEmail(pb.VerifyEmailRequest(token=token))).email


async def ask(house: IdentityHouse, tokens: pb.Tokens, *, key: str | None = None) -> None:
    with house.by(tokens, key=key):
        await house.stub.RequestEmailVerification(pb.RequestEmailVerificationRequest())


async def is_verified(house: IdentityHouse, tokens: pb.Tokens) -> bool:
    with house.by(tokens):
        return (await house.stub.GetAccount(pb.GetAccountRequest())).account.email_verified


async def test_signing_up_mails_a_link_that_verifies_the_address(house: IdentityHouse) -> None:
    tokens = (await house.sign_up("ada")).tokens
    assert not await is_verified(house, tokens)
    assert await verify(house, await house.link(ADA, PAGE)) == ADA
    assert await is_verified(house, tokens)


async def test_a_sign_up_that_fails_mails_nothing(house: IdentityHouse) -> None:
    await house.sign_up("ada")
    with pytest.raises(Exception, match="handle"):
        await house.sign_up("ada", email="other@example.org")
    assert await house.count("mails") == 1


async def test_a_sign_up_that_is_repeated_under_its_key_mails_once(house: IdentityHouse) -> None:
    await asyncio.gather(*(house.sign_up("ada", key="k-1") for _ in range(5)))
    assert await house.count("mails") == 1


async def test_l2_a_link_is_good_once_and_for_a_day(house: IdentityHouse) -> None:
    tokens = (await house.sign_up("ada")).tokens
    first = await house.link(ADA, PAGE)
    house.clock.advance(24 * 3600)
    with pytest.raises(InvalidArgument) as caught:
        await verify(house, first)
    assert (caught.value.reason, caught.value.field) == ("LINK_INVALID", "token")
    await ask(house, (await house.refresh(tokens.refresh_token)).tokens)
    second = await house.link(ADA, PAGE, number=2)
    outcomes = await asyncio.gather(*(verify(house, second) for _ in range(50)), return_exceptions=True)
    assert outcomes.count(ADA) == 1
    assert sum(isinstance(outcome, InvalidArgument) for outcome in outcomes) == 49


async def test_a_repeat_under_its_key_is_answered_as_the_first(house: IdentityHouse) -> None:
    await house.sign_up("ada")
    token = await house.link(ADA, PAGE)
    assert await verify(house, token, key="k-1") == await verify(house, token, key="k-1") == ADA


async def test_a_verified_address_gets_no_more_links(house: IdentityHouse) -> None:
    tokens = (await house.sign_up("ada")).tokens
    await verify(house, await house.link(ADA, PAGE))
    await ask(house, tokens)
    assert await house.count("mails") == 1


async def test_l2_as_many_links_may_be_asked_for_as_passwords_tried(house: IdentityHouse) -> None:
    tokens = (await house.sign_up("ada")).tokens
    outcomes = await asyncio.gather(*(ask(house, tokens) for _ in range(12)), return_exceptions=True)
    assert sum(isinstance(outcome, RateLimited) for outcome in outcomes) == 2
    assert await house.count("mails") == 11
    await ask(house, (await house.sign_up("eve")).tokens)


async def test_asking_needs_a_session(house: IdentityHouse) -> None:
    with pytest.raises(Unauthenticated):
        await house.stub.RequestEmailVerification(pb.RequestEmailVerificationRequest())


async def test_a_changed_password_is_told_by_mail(house: IdentityHouse) -> None:
    tokens = (await house.sign_up("ada")).tokens
    with house.by(tokens):
        await house.stub.ChangePassword(
            pb.ChangePasswordRequest(
                current_password="correct horse battery staple", next_password="another good password"
            )
        )
    assert await house.count("mails", "kind = 'password_changed'") == 1
