"""Two gateways before the same rooms, on the same Redis: what one counts, ends or changes, the other knows."""

import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from nova.app.callers import GATEWAY
from nova.app.ports import free_port
from nova.app.processes import gateway_serves
from tests.e2e import doors
from tests.e2e.nova import PASSWORD, Nova, Person
from tests.e2e.shapes import PROCESS_PER_ROOM, process_per_room
from tests.e2e.test_rates import is_refused, mutation, rested, sent
from tests.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

Pair = tuple[Nova, Nova]
PACE_S = 0.05
"""Asked no faster than this, a gateway with its limits on does not refuse the one who waits."""


@pytest.fixture(scope="module")
async def gateways() -> AsyncIterator[Pair]:
    """A platform with its limits on, and a second gateway of it."""
    with tempfile.TemporaryDirectory(prefix="nova-two-") as folder:
        async with process_per_room(Path(folder), NOVA_LIMITS="on") as nova:
            assert nova.processes is not None
            first, port = nova.processes.parts[GATEWAY], free_port()
            url = f"http://127.0.0.1:{port}"
            second = replace(
                first,
                name="gateway-2",
                environment={
                    **first.environment,
                    "NOVA_PORT": str(port),
                    "NOVA_METRICS_PORT": str(free_port()),
                },
                serves=partial(gateway_serves, url),
            )
            await nova.processes.begin(second)
            await nova.processes.ready(second.name, within_s=60)
            other = Nova(url, PROCESS_PER_ROOM, nova.engines, nova.processes)
            yield nova, other
            await other.aclose()


@pytest.fixture
async def person(gateways: Pair) -> Person:
    await rested()
    return await gateways[0].newcomer("between")


async def test_a_quota_is_one_at_both(gateways: Pair, person: Person) -> None:
    here, there = gateways
    assert (await sent(here, person, mutation(6))).status_code == 200
    assert is_refused(await sent(there, person, mutation(5)), "mutations")
    assert (await sent(there, person, mutation(4))).status_code == 200
    for gateway in gateways:
        assert is_refused(await sent(gateway, person, mutation(1)), "mutations")


@pytest.mark.parametrize("pub_sub", ["with", "without"])
async def test_a_session_that_ends_at_one_is_refused_at_both_within_a_second(
    gateways: Pair, person: Person, pub_sub: str
) -> None:
    here, there = gateways
    signed_in = await there.do("signIn", "tokens { accessToken }", login=person.handle, password=PASSWORD)
    token = signed_in["tokens"]["accessToken"]
    for gateway in gateways:
        await rested()
        assert await doors.http(gateway, token)

    async def end_it() -> None:
        await rested()
        response = await here.http.post("/auth/logout", headers={"Authorization": f"Bearer {token}"})
        assert response.status_code == 204
        for gateway in gateways:
            is_closed = partial(doors.closed, doors.websocket, gateway, token)
            await until(is_closed, within_s=doors.PROMISED_S, every_s=PACE_S)

    if pub_sub == "with":
        await end_it()
    else:
        async with here.without_pub_sub():
            await end_it()


@pytest.mark.parametrize("pub_sub", ["with", "without"])
async def test_what_is_changed_at_one_is_seen_at_both_within_a_second(
    gateways: Pair, person: Person, pub_sub: str
) -> None:
    here, there = gateways
    asked = "query($handle: String!) { user(handle: $handle) { displayName } }"

    async def shown(gateway: Nova) -> str:
        await rested()
        answer = await gateway.ask(asked, {"handle": person.handle}, by=person)
        name: str = answer.data["user"]["displayName"]
        return name

    async def is_new(gateway: Nova) -> bool:
        return await shown(gateway) == "Another"

    async def change_it() -> None:
        assert {await shown(gateway) for gateway in gateways} == {"Between"}
        await rested()
        await here.do("updateProfile", "user { displayName }", person, displayName="Another")
        assert await is_new(here), "one's own change is seen at once"
        await until(partial(is_new, there), within_s=doors.PROMISED_S, every_s=PACE_S)

    if pub_sub == "with":
        await change_it()
    else:
        async with here.without_pub_sub():
            await change_it()
