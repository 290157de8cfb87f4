"""Suspended accounts: out at once, kept out until it ends, and told of it only by their own password."""

from datetime import timedelta

import pytest

from nova.api.identity.v1 import identity_pb2 as pb
from nova.platform.errors import Code, Forbidden, InvalidArgument, NotFound, NovaError, Unauthenticated
from nova.platform.ids import uuid7
from nova.platform.rpc.context import CallContext, entered
from nova.platform.rpc.validate import to_timestamp
from nova.policy.permissions import Role
from tests.unit.identity.identity_house import PASSWORD, IdentityHouse
from tests.unit.identity.suspended import REASON, reinstate, suspend
from tests.waiting import until

HOUR = timedelta(hours=1)


async def refusal(house: IdentityHouse, login: str = "ada", password: str = PASSWORD) -> NovaError:
    """Return how a sign-in is refused."""
    with pytest.raises(NovaError) as caught:
        await house.sign_in(login, password=password)
    return caught.value


async def test_every_session_and_token_ends_and_the_password_opens_none(house: IdentityHouse) -> None:
    moderator = await house.staff("mod", Role.MODERATOR)
    ada = await house.sign_up("ada")
    pairs = [ada.tokens, (await house.sign_in("ada")).tokens]
    await suspend(house, moderator, ada.account.user_id)
    for tokens in pairs:
        with pytest.raises(Unauthenticated) as caught:
            await house.verified(tokens)
        assert caught.value.reason == "REVOKED_TOKEN"
        with pytest.raises(Unauthenticated) as caught:
            await house.refresh(tokens.refresh_token)
        assert caught.value.reason == "REFRESH_TOKEN_INVALID"
    refused = await refusal(house)
    assert (refused.code, refused.reason) == (Code.FORBIDDEN, "ACCOUNT_SUSPENDED")
    assert refused.message == "This account is suspended for good."
    assert await house.count("sessions") == 1, "the moderator's own"
    assert await house.verified(moderator)


async def test_an_announcement_shuts_out_without_any_poll(house: IdentityHouse) -> None:
    moderator = await house.staff("mod", Role.MODERATOR)
    ada = await house.sign_up("ada")
    await house.listener.start()
    try:
        await suspend(house, moderator, ada.account.user_id)
        await until(lambda: len(house.revocations) == 1)
        with pytest.raises(Unauthenticated) as caught:
            await house.verifier.verify(ada.tokens.access_token)
        assert caught.value.reason == "REVOKED_TOKEN"
    finally:
        await house.listener.stop()


async def test_it_ends_by_itself_at_its_time(house: IdentityHouse) -> None:
    moderator = await house.staff("mod", Role.MODERATOR)
    ada = await house.sign_up("ada")
    ends = (house.clock.now() + HOUR).replace(microsecond=0)
    await suspend(house, moderator, ada.account.user_id, until=ends)
    assert (await refusal(house)).message == f"This account is suspended until {ends.isoformat()}."
    house.clock.advance((ends - house.clock.now()).total_seconds() - 1)
    assert (await refusal(house)).reason == "ACCOUNT_SUSPENDED"
    house.clock.advance(1)
    back = await house.sign_in("ada")
    assert await house.verified(back.tokens)
    assert await house.refresh(back.tokens.refresh_token)
    with pytest.raises(Unauthenticated):
        await house.verified(ada.tokens)


async def test_whoever_is_reinstated_signs_in_anew(house: IdentityHouse) -> None:
    moderator = await house.staff("mod", Role.MODERATOR)
    ada = await house.sign_up("ada")
    await suspend(house, moderator, ada.account.user_id)
    await reinstate(house, moderator, ada.account.user_id)
    await reinstate(house, moderator, ada.account.user_id)
    with pytest.raises(Unauthenticated):
        await house.verified(ada.tokens)
    assert await house.verified((await house.sign_in("ada")).tokens)
    assert await house.count("accounts", "num_nonnulls(suspended_at, suspension_reason) > 0") == 0


async def test_who_did_it_and_why_is_kept_and_the_last_word_counts(house: IdentityHouse) -> None:
    moderator, admin = await house.staff("mod", Role.MODERATOR), await house.staff("root", Role.ADMIN)
    ada = await house.sign_up("ada")
    user_id, ends = ada.account.user_id, house.clock.now() + HOUR
    first = await suspend(house, moderator, user_id)
    assert first.suspended_by == (await house.verified(moderator)).actor.user_id.bytes
    assert not first.HasField("until")
    second = await suspend(house, admin, user_id, reason="Only an hour.", until=ends)
    assert second == pb.Suspension(
        suspended_at=to_timestamp(house.clock.now()),
        until=to_timestamp(ends),
        reason="Only an hour.",
        suspended_by=(await house.verified(admin)).actor.user_id.bytes,
    )
    known = await house.store.find_by_login("ada")
    assert known is not None
    assert known.account.suspension is not None
    assert (known.account.suspension.reason, known.account.suspension.until) == ("Only an hour.", ends)
    house.clock.advance(HOUR.total_seconds())
    assert await house.sign_in("ada")


async def test_l3_without_the_password_nobody_learns_who_is_suspended(house: IdentityHouse) -> None:
    moderator = await house.staff("mod", Role.MODERATOR)
    await house.sign_up("eve")
    await suspend(house, moderator, (await house.sign_up("ada")).account.user_id)
    told = [await refusal(house, login, "wrong password") for login in ("ada", "eve", "nobody")]
    shown = {(one.code, one.reason, one.message, one.field, one.retry_after_s) for one in told}
    assert shown == {
        (Code.UNAUTHENTICATED, "INVALID_CREDENTIALS", "The login or the password is wrong.", None, None)
    }


async def test_l1_a_suspended_account_has_its_ten_guesses_and_the_right_one_is_none(
    house: IdentityHouse,
) -> None:
    moderator = await house.staff("mod", Role.MODERATOR)
    await suspend(house, moderator, (await house.sign_up("ada")).account.user_id)
    assert {(await refusal(house)).reason for _ in range(12)} == {"ACCOUNT_SUSPENDED"}
    assert {(await refusal(house, password="wrong password")).reason for _ in range(10)} == {
        "INVALID_CREDENTIALS"
    }
    assert (await refusal(house)).reason == "TOO_MANY_GUESSES"


async def test_a_sign_up_or_sign_in_repeated_under_its_key_opens_nothing(house: IdentityHouse) -> None:
    moderator = await house.staff("mod", Role.MODERATOR)
    ada = await house.sign_up("ada", key="k-1")
    await house.sign_in("ada", key="k-2")
    await suspend(house, moderator, ada.account.user_id)
    for again in (house.sign_up("ada", key="k-1"), house.sign_in("ada", key="k-2")):
        with pytest.raises(Forbidden) as caught:
            await again
        assert caught.value.reason == "ACCOUNT_SUSPENDED"
    assert await house.count("sessions") == 1


async def test_links_in_mails_do_their_work_and_open_no_session(house: IdentityHouse) -> None:
    moderator = await house.staff("mod", Role.MODERATOR)
    ada = await house.sign_up("ada")
    await suspend(house, moderator, ada.account.user_id)
    mailbox, following = "ada@example.org", "a quite different password"
    with entered(CallContext()):
        await house.stub.VerifyEmail(pb.VerifyEmailRequest(token=await house.link(mailbox, "verify-email")))
        await house.stub.RequestPasswordReset(pb.RequestPasswordResetRequest(email=mailbox))
        await house.stub.ResetPassword(
            pb.ResetPasswordRequest(token=await house.link(mailbox, "reset-password"), password=following)
        )
    assert await house.count("accounts", "email_verified_at IS NOT NULL AND suspended_at IS NOT NULL") == 1
    assert await house.count("sessions") == 1
    assert (await refusal(house)).reason == "INVALID_CREDENTIALS"
    assert (await refusal(house, password=following)).reason == "ACCOUNT_SUSPENDED"


async def test_a_session_left_by_an_older_release_is_not_renewed(house: IdentityHouse) -> None:
    tokens = (await house.sign_up("ada")).tokens
    await house.database.primary.fetch("UPDATE accounts SET suspended_at = now(), suspension_reason = 'spam'")
    with pytest.raises(Forbidden) as caught:
        await house.refresh(tokens.refresh_token)
    assert caught.value.reason == "ACCOUNT_SUSPENDED"


async def test_a_token_not_yet_known_to_be_void_changes_no_password(house: IdentityHouse) -> None:
    moderator = await house.staff("mod", Role.MODERATOR)
    ada = await house.sign_up("ada")
    await suspend(house, moderator, ada.account.user_id)
    with house.by(ada.tokens), pytest.raises(Unauthenticated) as caught:
        await house.stub.ChangePassword(
            pb.ChangePasswordRequest(current_password=PASSWORD, next_password="another good password")
        )
    assert caught.value.reason == "REVOKED_TOKEN"
    assert (await refusal(house)).reason == "ACCOUNT_SUSPENDED"


MAY = {
    Role.MEMBER: frozenset[Role](),
    Role.PREMIUM: frozenset[Role](),
    Role.MODERATOR: frozenset({Role.MEMBER, Role.PREMIUM}),
    Role.ADMIN: frozenset(Role),
}


@pytest.mark.parametrize("actor", MAY)
async def test_d1_who_may_suspend_and_reinstate_whom(house: IdentityHouse, actor: Role) -> None:
    by = await house.staff("actor", actor)
    for subject in Role:
        user_id = (await house.enrol(f"some_{subject}", subject)).bytes
        if subject in MAY[actor]:
            await suspend(house, by, user_id)
            await reinstate(house, by, user_id)
            continue
        for refused in (suspend(house, by, user_id), reinstate(house, by, user_id)):
            with pytest.raises(Forbidden):
                await refused
    assert await house.count("revocations") == len(MAY[actor])


@pytest.mark.parametrize("role", [Role.MODERATOR, Role.ADMIN])
async def test_nobody_suspends_himself(house: IdentityHouse, role: Role) -> None:
    tokens = await house.staff("mod", role)
    own = (await house.verified(tokens)).actor.user_id.bytes
    for refused in (suspend(house, tokens, own), reinstate(house, tokens, own)):
        with pytest.raises(InvalidArgument) as caught:
            await refused
        assert (caught.value.reason, caught.value.field) == ("ONESELF_NAMED", "user_id")
    assert await house.verified(tokens)


async def test_r2_strangers_are_refused(house: IdentityHouse) -> None:
    user_id = (await house.sign_up("ada")).account.user_id
    for refused in (
        house.stub.SuspendAccount(pb.SuspendAccountRequest(user_id=user_id, reason=REASON)),
        house.stub.ReinstateAccount(pb.ReinstateAccountRequest(user_id=user_id)),
    ):
        with pytest.raises(Unauthenticated):
            await refused
    assert await house.sign_in("ada")


async def test_an_unknown_account_is_not_found(house: IdentityHouse) -> None:
    moderator = await house.staff("mod", Role.MODERATOR)
    nobody = uuid7().bytes
    for refused in (suspend(house, moderator, nobody), reinstate(house, moderator, nobody)):
        with pytest.raises(NotFound) as caught:
            await refused
        assert caught.value.reason == "ACCOUNT_NOT_FOUND"


async def test_r8_a_reason_that_says_nothing_or_hides_something_is_refused(house: IdentityHouse) -> None:
    moderator = await house.staff("mod", Role.MODERATOR)
    ada = await house.sign_up("ada")
    for reason in ("", "   ", "x" * 501, "null\0", "right\u202eleft"):
        with pytest.raises(InvalidArgument) as caught:
            await suspend(house, moderator, ada.account.user_id, reason=reason)
        assert caught.value.field == "reason", reason
    assert await house.verified(ada.tokens)


async def test_r8_an_end_that_has_passed_is_refused(house: IdentityHouse) -> None:
    moderator = await house.staff("mod", Role.MODERATOR)
    ada = await house.sign_up("ada")
    for later in (timedelta(), -HOUR, timedelta(days=-10_000)):
        with pytest.raises(InvalidArgument) as caught:
            await suspend(house, moderator, ada.account.user_id, until=house.clock.now() + later)
        assert (caught.value.reason, caught.value.field) == ("SUSPENSION_ENDED", "until"), later
    assert await house.verified(ada.tokens)


async def test_r8_an_id_or_an_end_that_is_none_is_refused(house: IdentityHouse) -> None:
    moderator = await house.staff("mod", Role.MODERATOR)
    beyond = pb.SuspendAccountRequest(user_id=uuid7().bytes, reason=REASON)
    beyond.until.seconds = 1 << 62
    with house.by(moderator):
        for request, field in (
            (pb.SuspendAccountRequest(user_id=b"short", reason=REASON), "user_id"),
            (beyond, "until"),
        ):
            with pytest.raises(InvalidArgument) as caught:
                await house.stub.SuspendAccount(request)
            assert caught.value.field == field
        with pytest.raises(InvalidArgument):
            await house.stub.ReinstateAccount(pb.ReinstateAccountRequest(user_id=b""))


async def test_a_suspension_happens_once_under_its_key(house: IdentityHouse) -> None:
    moderator = await house.staff("mod", Role.MODERATOR)
    user_id = (await house.sign_up("ada")).account.user_id
    first = await suspend(house, moderator, user_id, key="k-1")
    house.clock.advance(1)
    assert await suspend(house, moderator, user_id, key="k-1") == first
    assert await house.count("revocations") == 1
    with pytest.raises(NovaError) as caught:
        await suspend(house, moderator, user_id, reason="Another one.", key="k-1")
    assert caught.value.reason == "IDEMPOTENCY_CONFLICT"


async def test_the_database_holds_no_half_of_a_suspension(house: IdentityHouse) -> None:
    await house.sign_up("ada")
    for change in (
        "suspended_at = now()",
        "suspension_reason = 'spam'",
        "suspended_until = now()",
        "suspended_at = now(), suspension_reason = ''",
        "suspended_at = now(), suspension_reason = repeat('x', 501)",
        "suspended_at = now(), suspension_reason = 'spam', suspended_until = now()",
    ):
        with pytest.raises(Exception, match="accounts_suspension"):
            await house.database.primary.fetch(f"UPDATE accounts SET {change}")
