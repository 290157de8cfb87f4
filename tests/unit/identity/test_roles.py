"""Roles: given by those who may, and carried by the next token."""

import pytest

from nova.api.identity.v1 import identity_pb2 as pb
from nova.platform.errors import Forbidden, InvalidArgument, NotFound, Unauthenticated
from nova.platform.ids import uuid7
from nova.policy.permissions import Role
from tests.unit.identity.identity_house import IdentityHouse


async def test_premium_is_a_role_that_the_next_token_carries(house: IdentityHouse) -> None:
    admin = await house.staff("root", Role.ADMIN)
    ada = await house.sign_up("ada")
    with house.by(admin):
        answer = await house.stub.GrantRole(pb.GrantRoleRequest(user_id=ada.account.user_id, role="premium"))
    assert list(answer.account.roles) == ["member", "premium"]
    assert "limits:premium" in answer.account.permissions
    with pytest.raises(Unauthenticated) as caught:
        await house.verified(ada.tokens)
    assert caught.value.reason == "REVOKED_TOKEN"
    renewed = await house.refresh(ada.tokens.refresh_token)
    assert (await house.verified(renewed.tokens)).actor.may("limits:premium")
    with house.by(renewed.tokens):
        own = (await house.stub.GetAccount(pb.GetAccountRequest())).account
    assert own == answer.account


async def test_a_withdrawn_role_s_rights_end_with_the_token(house: IdentityHouse) -> None:
    admin = await house.staff("root", Role.ADMIN)
    eve = await house.sign_up("eve")
    with house.by(admin):
        await house.stub.GrantRole(pb.GrantRoleRequest(user_id=eve.account.user_id, role="moderator"))
    moderator = await house.refresh(eve.tokens.refresh_token)
    assert (await house.verified(moderator.tokens)).actor.may("content:delete:any")
    with house.by(admin):
        await house.stub.WithdrawRole(pb.WithdrawRoleRequest(user_id=eve.account.user_id, role="moderator"))
    with pytest.raises(Unauthenticated):
        await house.verified(moderator.tokens)
    member = await house.refresh(moderator.tokens.refresh_token)
    assert not (await house.verified(member.tokens)).actor.may("content:delete:any")


async def test_d1_who_may_not_manage_roles_is_refused(house: IdentityHouse) -> None:
    ada = await house.sign_up("ada")
    with house.by(ada.tokens):
        for request in (
            house.stub.GrantRole(pb.GrantRoleRequest(user_id=ada.account.user_id, role="admin")),
            house.stub.WithdrawRole(pb.WithdrawRoleRequest(user_id=ada.account.user_id, role="premium")),
            house.stub.GrantRole(pb.GrantRoleRequest(user_id=uuid7().bytes, role="admin")),
        ):
            with pytest.raises(Forbidden):
                await request
    assert await house.count("accounts", "roles <> '{member}'") == 0


async def test_a_role_that_is_there_already_changes_nothing(house: IdentityHouse) -> None:
    admin = await house.staff("root", Role.ADMIN)
    ada = await house.sign_up("ada")
    with house.by(admin):
        await house.stub.GrantRole(pb.GrantRoleRequest(user_id=ada.account.user_id, role="member"))
        await house.stub.WithdrawRole(pb.WithdrawRoleRequest(user_id=ada.account.user_id, role="premium"))
    assert await house.verified(ada.tokens)
    assert await house.count("revocations") == 0


@pytest.mark.parametrize("role", ["", "root", "ADMIN", "member"])
async def test_r8_an_unknown_role_and_the_last_one_are_refused(house: IdentityHouse, role: str) -> None:
    admin = await house.staff("root", Role.ADMIN)
    ada = await house.sign_up("ada")
    with house.by(admin), pytest.raises(InvalidArgument) as caught:
        await house.stub.WithdrawRole(pb.WithdrawRoleRequest(user_id=ada.account.user_id, role=role))
    assert caught.value.field == "role"


async def test_an_unknown_account_is_not_found(house: IdentityHouse) -> None:
    admin = await house.staff("root", Role.ADMIN)
    with house.by(admin), pytest.raises(NotFound):
        await house.stub.GrantRole(pb.GrantRoleRequest(user_id=uuid7().bytes, role="premium"))


async def test_a_role_is_granted_once_under_its_key(house: IdentityHouse) -> None:
    admin = await house.staff("root", Role.ADMIN)
    user_id = await house.enrol("ada", Role.PREMIUM)
    with house.by(admin, key="k-1"):
        request = pb.GrantRoleRequest(user_id=user_id.bytes, role="moderator")
        first, second = await house.stub.GrantRole(request), await house.stub.GrantRole(request)
    assert first == second
    assert list(first.account.roles) == ["member", "moderator", "premium"]
    assert await house.count("revocations") == 1
