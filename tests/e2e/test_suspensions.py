"""Suspended people at the doors where they sign in, and staff who suspends them over the wire."""

from functools import partial
from typing import Any

import grpc
import httpx
import pytest
from grpc.aio import AioRpcError

from nova.api.identity.v1 import identity_pb2 as pb
from nova.api.identity.v1.identity_pb2_grpc import IdentityServiceStub
from tests.e2e import doors
from tests.e2e.nova import PASSWORD, Answer, Nova, Person, account_id
from tests.waiting import until

SIGN_IN = "mutation($input: SignInInput!) { signIn(input: $input) { tokens { accessToken } } }"
REFRESH = (
    "mutation($input: RefreshSessionInput!) { refreshSession(input: $input) { tokens { accessToken } } }"
)
FOR_GOOD = "This account is suspended for good."


async def by_graphql(nova: Nova, person: Person, password: str = PASSWORD) -> Answer:
    return await nova.ask(SIGN_IN, {"input": {"login": person.handle, "password": password}})


async def by_form(nova: Nova, person: Person, password: str = PASSWORD) -> httpx.Response:
    return await nova.http.post("/auth/login", json={"login": person.handle, "password": password})


async def test_the_right_password_is_told_at_both_doors_and_a_reinstated_one_gets_in(nova: Nova) -> None:
    person = await nova.newcomer("suspended")
    await nova.suspend(person)
    (error,) = (await by_graphql(nova, person))["errors"]
    assert error["message"] == FOR_GOOD
    extensions = error["extensions"]
    assert (extensions["code"], extensions["reason"]) == ("FORBIDDEN", "ACCOUNT_SUSPENDED")
    problem = await by_form(nova, person)
    assert problem.headers["content-type"] == "application/problem+json"
    told = problem.json()
    assert (problem.status_code, told["status"], told["code"]) == (403, 403, "ACCOUNT_SUSPENDED")
    assert (told["title"], told["detail"]) == ("Forbidden", FOR_GOOD)
    assert (
        await nova.ask(REFRESH, {"input": {"refreshToken": person.refresh_token}})
    ).code == "UNAUTHENTICATED"
    refreshed = await nova.http.post("/auth/refresh", json={"refresh_token": person.refresh_token})
    assert refreshed.status_code == 401
    await until(partial(doors.closed, doors.http, nova, person.token), within_s=doors.PROMISED_S)
    async with nova.desk() as desk:
        await desk.suspensions.lift(account_id(person))
    assert (await by_form(nova, person)).status_code == 200
    assert not await doors.http(nova, person.token)


async def test_l3_a_wrong_password_is_refused_as_anybody_s(nova: Nova) -> None:
    suspended, other = await nova.newcomer("suspended"), await nova.newcomer("other")
    await nova.suspend(suspended)
    told = []
    for person in (suspended, other):
        answer, problem = await by_graphql(nova, person, "wrong"), await by_form(nova, person, "wrong")
        answer["errors"][0]["extensions"].pop("requestId")
        told.append((dict(answer), problem.status_code, {**problem.json(), "requestId": None}))
    assert told[0] == told[1]
    assert told[0][1] == 401


async def test_d1_a_moderator_suspends_over_the_wire_and_nobody_else_does(apart: Nova) -> None:
    moderator = await apart.promoted(await apart.newcomer("moderator"), "moderator")
    stranger, person = await apart.newcomer("stranger"), await apart.newcomer("suspended")
    user_id = account_id(person).bytes
    suspend = pb.SuspendAccountRequest(user_id=user_id, reason="Sells what he does not have.")
    reinstate = pb.ReinstateAccountRequest(user_id=user_id)
    async with apart.room("identity") as channel:
        stub: Any = IdentityServiceStub(channel)
        for verb, request in ((stub.SuspendAccount, suspend), (stub.ReinstateAccount, reinstate)):
            for token in (stranger.token, person.token):
                with pytest.raises(AioRpcError) as caught:
                    await verb(request, metadata=doors.bearer(token), timeout=doors.LONGEST_S)
                assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
        shown = doors.bearer(moderator.token)
        noted = await stub.SuspendAccount(suspend, metadata=shown, timeout=doors.LONGEST_S)
        assert noted.suspension.suspended_by == account_id(moderator).bytes
        for door in doors.all_of(apart).values():
            await until(partial(doors.closed, door, apart, person.token), within_s=doors.PROMISED_S)
        assert (await by_form(apart, person)).status_code == 403
        await stub.ReinstateAccount(reinstate, metadata=shown, timeout=doors.LONGEST_S)
    assert (await by_form(apart, person)).status_code == 200
