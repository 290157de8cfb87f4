"""A forgotten password: a link is mailed, is good once, and ends every session."""

import asyncio
from collections import Counter

import pytest
from structlog.testing import capture_logs

from nova.api.identity.v1 import identity_pb2 as pb
from nova.platform.errors import IdempotencyConflict, InvalidArgument, NovaError, RateLimited, Unauthenticated
from nova.platform.rpc.context import CallContext, entered
from tests.unit.identity.identity_house import PASSWORD, SITE, IdentityHouse
from tests.waiting import until

ADA, NOBODY = "ada@example.org", "nobody@example.org"
NEXT = "a quite different password"
PAGE = "reset-password"


async def ask(
    house: IdentityHouse, email: str = ADA, *, key: str | None = None
) -> pb.RequestPasswordResetResponse:
    with entered(CallContext(idempotency_key=key)):
        return await house.stub.RequestPasswordReset(pb.RequestPasswordResetRequest(email=email))


async def reset(
    house: IdentityHouse, token: str, password: str = NEXT, *, key: str | None = None
) -> pb.ResetPasswordResponse:
    with entered(CallContext(idempotency_key=key)):
        return await house.stub.ResetPassword(pb.ResetPasswordRequest(token=token, password=password))


async def asked(house: IdentityHouse) -> str:
    """Return the token that was mailed to Ada, who has just signed up and forgotten."""
    await house.sign_up("ada")
    await ask(house)
    return await house.link(ADA, PAGE)


async def refused(house: IdentityHouse, token: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await reset(house, token)
    assert (caught.value.reason, caught.value.field) == ("LINK_INVALID", "token")


async def test_a_link_sets_a_new_password_and_ends_every_session(house: IdentityHouse) -> None:
    here, there = (await house.sign_up("ada")).tokens, (await house.sign_in("ada")).tokens
    await ask(house, " Ada@Example.ORG ")
    await reset(house, await house.link(ADA, PAGE))
    for tokens in (here, there):
        with pytest.raises(Unauthenticated) as caught:
            await house.verified(tokens)
        assert caught.value.reason == "REVOKED_TOKEN"
        with pytest.raises(Unauthenticated):
            await house.refresh(tokens.refresh_token)
    assert await house.count("sessions") == 0
    with pytest.raises(Unauthenticated):
        await house.sign_in("ada")
    answer = await house.sign_in("ada", password=NEXT)
    assert answer.account.email_verified, "who reads the mail has the address"
    assert await house.verified(answer.tokens)


async def test_the_owner_is_told_by_mail(house: IdentityHouse) -> None:
    await reset(house, await asked(house))
    await until(lambda: len(house.mails(ADA, "Your password was changed")) == 1)
    (text,) = house.mails(ADA, "Your password was changed")
    assert SITE not in text


async def test_l5_links_begin_with_the_configured_site(house: IdentityHouse) -> None:
    await asked(house)
    (text,) = house.mails(ADA, "Set a new password")
    assert f"\n{SITE}/{PAGE}#" in text
    assert text.count("://") == 1


async def test_l3_known_and_unknown_addresses_are_answered_alike_and_limited_alike(
    house: IdentityHouse,
) -> None:
    await house.sign_up("ada")

    async def outcomes(email: str) -> list[tuple[type, str | None, str]]:
        tries = await asyncio.gather(*(ask(house, email) for _ in range(12)), return_exceptions=True)
        return [(type(one), getattr(one, "reason", None), str(one)) for one in tries]

    known, unknown = Counter(await outcomes(ADA)), Counter(await outcomes(NOBODY))
    assert known == unknown
    assert sorted(known.values()) == [2, 10]
    assert {reason for _, reason, _ in known} == {None, "TOO_MANY_MAILS"}
    await until(lambda: len(house.mails(ADA, "Set a new password")) == 10)
    assert house.mails(NOBODY) == []


async def test_l3_the_same_statements_are_run_for_known_and_unknown(house: IdentityHouse) -> None:
    """Time cannot be asserted; what takes it can: rows are written in both cases, in one transaction."""
    await house.sign_up("ada")
    before = await house.count("guesses")
    await ask(house, ADA)
    await ask(house, NOBODY)
    assert await house.count("guesses") == before + 2


async def test_l2_recovery_and_sign_in_do_not_spend_each_other_s_tries(house: IdentityHouse) -> None:
    """Whoever tries passwords cannot keep the owner from recovering, nor the other way round."""
    await house.sign_up("ada")
    await asyncio.gather(
        *(house.sign_in("ada", password="wrong password") for _ in range(10)),
        *(ask(house) for _ in range(10)),
        return_exceptions=True,
    )
    with pytest.raises(RateLimited):
        await ask(house)
    assert len(await asyncio.gather(*(house.link(ADA, PAGE, number=n) for n in range(1, 11)))) == 10


async def test_t6_of_fifty_at_once_with_one_link_one_wins(house: IdentityHouse) -> None:
    token = await asked(house)
    outcomes = await asyncio.gather(
        *(reset(house, token, f"password number {number}") for number in range(50)), return_exceptions=True
    )
    won = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, pb.ResetPasswordResponse)]
    assert len(won) == 1
    assert all(isinstance(outcome, NovaError) for n, outcome in enumerate(outcomes) if n != won[0])
    assert await house.sign_in("ada", password=f"password number {won[0]}")
    assert await house.count("revocations", "epoch IS NOT NULL") == 1


async def test_l2_a_link_is_good_for_thirty_minutes(house: IdentityHouse) -> None:
    token = await asked(house)
    house.clock.advance(30 * 60)
    await refused(house, token)
    assert await house.sign_in("ada")


async def test_l2_a_used_link_and_all_that_were_asked_for_with_it_are_void(house: IdentityHouse) -> None:
    token = await asked(house)
    await ask(house)
    other = await house.link(ADA, PAGE, number=2)
    await reset(house, token)
    for dead in (token, other):
        await refused(house, dead)


async def test_l2_a_link_serves_its_own_purpose_only(house: IdentityHouse) -> None:
    token = await asked(house)
    await refused(house, await house.link(ADA, "verify-email"))
    with pytest.raises(InvalidArgument) as caught:
        await house.stub.VerifyEmail(pb.VerifyEmailRequest(token=token))
    assert caught.value.reason == "LINK_INVALID"
    assert await reset(house, token) == pb.ResetPasswordResponse()


async def test_l2_a_link_is_of_its_own_account_only(house: IdentityHouse) -> None:
    """The MAC of one link does not fit the id of another."""
    ada = await asked(house)
    await house.sign_up("eve")
    await ask(house, "eve@example.org")
    eve = await house.link("eve@example.org", PAGE)
    split = 21  # characters of base64 that hold the whole bytes of an id, and no more
    await refused(house, eve[:split] + ada[split:])
    assert await house.sign_in("ada")


@pytest.mark.parametrize(
    "token", ["", "x", "A" * 64, "=" * 64, "é" * 64, "A" * 63 + "!", "A" * 100_000, "a.b.c"]
)
async def test_what_is_no_link_is_refused_without_hashing(house: IdentityHouse, token: str) -> None:
    await asked(house)
    await refused(house, token)


async def test_an_address_that_changed_meanwhile_makes_its_links_void(house: IdentityHouse) -> None:
    token = await asked(house)
    await house.database.primary.fetch("UPDATE accounts SET email = 'new@example.org'")
    await refused(house, token)


async def test_a_weak_password_does_not_use_the_link_up(house: IdentityHouse) -> None:
    token = await asked(house)
    with pytest.raises(InvalidArgument) as caught:
        await reset(house, token, "short")
    assert caught.value.field == "password"
    assert await reset(house, token) == pb.ResetPasswordResponse()


@pytest.mark.parametrize("email", ["", "ada", f"{ADA}\nBcc: eve@example.org", "a" * 255 + "@example.org"])
async def test_n1_what_is_no_address_is_refused(house: IdentityHouse, email: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await ask(house, email)
    assert caught.value.field == "email"
    assert await house.count("guesses") == 0


async def test_repeats_under_a_key_mail_once_and_reset_once(house: IdentityHouse) -> None:
    await house.sign_up("ada")
    assert await ask(house, key="k-1") == await ask(house, key="k-1")
    token = await house.link(ADA, PAGE)
    assert await house.count("mails", "kind = 'reset_password'") == 1
    with pytest.raises(NovaError) as caught:
        await ask(house, NOBODY, key="k-1")
    assert caught.value.reason == IdempotencyConflict().reason
    assert await reset(house, token, key="k-2") == await reset(house, token, key="k-2")
    assert await house.count("revocations", "epoch IS NOT NULL") == 1


async def test_c4_no_token_lies_in_tables_events_or_logs(house: IdentityHouse) -> None:
    with capture_logs() as logs:
        token = await asked(house)
        await reset(house, token, key="k-1")
    raw = token.encode()
    tables = await house.database.primary.fetch(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
    )
    dumped = [
        str(await house.database.primary.fetch(f"SELECT t::text FROM {table['table_name']} t"))
        for table in tables
    ]
    secret = raw[21:].decode()
    assert all(secret not in text and NEXT not in text for text in [*dumped, str(logs)])
    assert any("reset_password" in text for text in dumped)


async def test_a_seldom_used_account_recovers_with_what_it_always_was(house: IdentityHouse) -> None:
    """Roles and handle stay; the password before is as dead as any wrong one."""
    before = (await house.sign_up("ada")).account
    await ask(house)
    await reset(house, await house.link(ADA, PAGE))
    after = (await house.sign_in(ADA, password=NEXT)).account
    assert (after.user_id, after.handle, after.roles) == (before.user_id, before.handle, before.roles)
    with pytest.raises(Unauthenticated):
        await house.sign_in("ada", password=PASSWORD)
