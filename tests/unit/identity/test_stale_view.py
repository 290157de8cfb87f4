"""While nobody knows which sessions have ended, nothing is done that a thief would do first (THREATS, section 3)."""

from collections.abc import Awaitable, Callable

import pytest

from nova.api.identity.v1 import identity_pb2 as pb
from nova.platform.errors import Unavailable
from nova.platform.ids import uuid7
from nova.policy.permissions import Role
from tests.unit.identity.identity_house import PASSWORD, IdentityHouse

Act = Callable[[IdentityHouse], Awaitable[object]]

SENSITIVE: dict[str, Act] = {
    "change_password": lambda house: house.stub.ChangePassword(
        pb.ChangePasswordRequest(current_password=PASSWORD, next_password="another good password")
    ),
    "revoke_session": lambda house: house.stub.RevokeSession(
        pb.RevokeSessionRequest(session_id=uuid7().bytes)
    ),
    "revoke_all": lambda house: house.stub.RevokeAllSessions(pb.RevokeAllSessionsRequest()),
    "grant_role": lambda house: house.stub.GrantRole(
        pb.GrantRoleRequest(user_id=uuid7().bytes, role="moderator")
    ),
    "withdraw_role": lambda house: house.stub.WithdrawRole(
        pb.WithdrawRoleRequest(user_id=uuid7().bytes, role="moderator")
    ),
    "suspend_account": lambda house: house.stub.SuspendAccount(
        pb.SuspendAccountRequest(user_id=uuid7().bytes, reason="spam")
    ),
    "reinstate_account": lambda house: house.stub.ReinstateAccount(
        pb.ReinstateAccountRequest(user_id=uuid7().bytes)
    ),
}


@pytest.mark.parametrize("act", SENSITIVE)
async def test_a_view_older_than_five_seconds_refuses_sensitive_acts(house: IdentityHouse, act: str) -> None:
    tokens = await house.staff("root", Role.ADMIN)
    house.clock.advance(5.1)
    with house.by(tokens), pytest.raises(Unavailable) as caught:
        await SENSITIVE[act](house)
    assert caught.value.reason == "REVOCATION_UNKNOWN"
    assert caught.value.retry_after_s == 1.0
    assert await house.count("revocations") == 0
    assert await house.count("guesses", "cardinality(guessed_at) > 0") == 0


async def test_all_else_goes_on_and_with_the_next_poll_these_do_too(house: IdentityHouse) -> None:
    tokens = await house.staff("root", Role.ADMIN)
    house.clock.advance(5.1)
    with house.by(tokens):
        assert (await house.stub.GetAccount(pb.GetAccountRequest())).account.handle == "root"
        assert (await house.stub.ListSessions(pb.ListSessionsRequest())).sessions
        await house.follower.poll()
        assert (await house.stub.RevokeAllSessions(pb.RevokeAllSessionsRequest())).revoked_count == 1


async def test_whoever_leaves_is_let_go(house: IdentityHouse) -> None:
    """Ending the one session that the token is of takes nothing from anybody else."""
    tokens = await house.staff("root", Role.ADMIN)
    house.clock.advance(5.1)
    with house.by(tokens):
        await house.stub.SignOut(pb.SignOutRequest())
    assert await house.count("sessions") == 0
