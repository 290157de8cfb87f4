"""W3 and the promise of a second: what is revoked is refused at every door, and open sockets end."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.e2e import doors
from tests.e2e.nova import PASSWORD, Nova, Person
from tests.waiting import until

End = Callable[[Nova, Person, Person], Awaitable[object]]
"""Ends sessions of somebody who is signed in twice: here, and there."""


async def sign_out(nova: Nova, here: Person, there: Person) -> None:
    await nova.do("signOut", "userErrors { code }", there)


async def log_out(nova: Nova, here: Person, there: Person) -> None:
    response = await nova.http.post("/auth/logout", headers={"Authorization": f"Bearer {there.token}"})
    assert response.status_code == 204


async def revoke_session(nova: Nova, here: Person, there: Person) -> None:
    asked = "{ viewer { sessions { edges { node { id isCurrent } } } } }"
    edges = (await nova.ask(asked, by=here)).data["viewer"]["sessions"]["edges"]
    (other,) = [edge["node"]["id"] for edge in edges if not edge["node"]["isCurrent"]]
    await nova.do("revokeSession", "revokedSessionId", here, id=other)


async def revoke_all(nova: Nova, here: Person, there: Person) -> None:
    payload = await nova.do("revokeAllSessions", "revokedCount", here)
    assert payload["revokedCount"] == 2


async def change_password(nova: Nova, here: Person, there: Person) -> None:
    payload = await nova.do(
        "changePassword", "tokens { accessToken }", here, current=PASSWORD, next="another good password"
    )
    assert await doors.http(nova, payload["tokens"]["accessToken"])


async def suspend(nova: Nova, here: Person, there: Person) -> None:
    await nova.suspend(there)


ENDS: dict[str, End] = {
    "sign_out": sign_out,
    "log_out": log_out,
    "revoke_session": revoke_session,
    "revoke_all": revoke_all,
    "change_password": change_password,
    "suspend": suspend,
}
SPARES_HERE = {"sign_out", "log_out", "revoke_session"}


async def twice_in(nova: Nova) -> tuple[Person, Person]:
    """Return somebody who is signed in on two devices."""
    here = await nova.newcomer("twice")
    tokens = (
        await nova.do("signIn", "tokens { accessToken refreshToken }", login=here.handle, password=PASSWORD)
    )["tokens"]
    return here, Person(here.id, here.handle, tokens["accessToken"], tokens["refreshToken"])


@pytest.mark.parametrize("name", ENDS)
async def test_an_ended_session_is_refused_at_every_door_within_a_second(nova: Nova, name: str) -> None:
    here, there = await twice_in(nova)
    for door in doors.all_of(nova).values():
        assert await door(nova, there.token)
    await ENDS[name](nova, here, there)
    async with asyncio.TaskGroup() as waiting:
        for door in doors.all_of(nova).values():
            refused = partial(doors.closed, door, nova, there.token)
            waiting.create_task(until(refused, within_s=doors.PROMISED_S))
    for door in doors.all_of(nova).values():
        assert await door(nova, here.token) == (name in SPARES_HERE)
    refresh = (
        "mutation($input: RefreshSessionInput!) { refreshSession(input: $input) { tokens { accessToken } } }"
    )
    dead = await nova.ask(refresh, {"input": {"refreshToken": there.refresh_token}})
    assert dead.code == "UNAUTHENTICATED"


async def closes(socket: ClientConnection) -> None:
    """Wait for a socket to be closed for its token, within the promised time, with nothing said before."""
    with pytest.raises(ConnectionClosed) as closed:
        await asyncio.wait_for(socket.recv(), doors.PROMISED_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == doors.REFUSED_CLOSE


@pytest.mark.parametrize("name", ["revoke_session", "suspend"])
async def test_w3_an_open_socket_ends_with_its_session_and_says_nothing_after(nova: Nova, name: str) -> None:
    here, there = await twice_in(nova)
    async with doors.socket(nova, there.token) as ended, doors.socket(nova, here.token) as goes_on:
        await ENDS[name](nova, here, there)
        await closes(ended)
        if name not in SPARES_HERE:
            await closes(goes_on)
            return
        await goes_on.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": doors.ME}}))
        answer = json.loads(await asyncio.wait_for(goes_on.recv(), doors.LONGEST_S))
        assert answer["payload"]["data"]["viewer"]["email"].startswith(here.handle)


@pytest.mark.parametrize("name", ["revoke_session", "suspend"])
async def test_without_pub_sub_the_poll_finds_a_revocation(nova: Nova, name: str) -> None:
    here, there = await twice_in(nova)
    async with nova.without_pub_sub():
        await ENDS[name](nova, here, there)
        async with asyncio.TaskGroup() as waiting:
            for door in doors.all_of(nova).values():
                refused = partial(doors.closed, door, nova, there.token)
                waiting.create_task(until(refused, within_s=doors.PROMISED_S))
