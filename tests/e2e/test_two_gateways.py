"""Two gateways before the same rooms, on the same Redis: what one counts, ends or changes, the other knows."""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from nova.api.user.v1.user_pb2 import Profile
from nova.app.bench.chaos_faults import stopped
from nova.app.callers import GATEWAY
from nova.app.ports import free_port
from nova.app.processes import gateway_serves
from nova.platform.cache.caches import Caches
from nova.platform.cache.codec import ProtoCodec
from nova.platform.clock import SystemClock
from nova.platform.config import CacheKnobs
from nova.platform.redis.client import connect
from nova.policy.caches import PROFILES
from tests.e2e import doors
from tests.e2e.nova import PASSWORD, Nova, Person, account_id
from tests.e2e.shapes import PROCESS_PER_ROOM, process_per_room
from tests.e2e.test_rates import is_refused, mutation, rested, sent
from tests.e2e.test_revocation import closes
from tests.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

Pair = tuple[Nova, Nova]
MUTATIONS = 10
"""Of a person, a minute."""
PACE_S = 0.05
"""Asked no faster than this, a gateway with its limits on does not refuse the one who waits."""


@pytest.fixture(scope="module")
async def gateways() -> AsyncIterator[Pair]:
    """A platform with its limits on, and a second gateway of it."""
    with tempfile.TemporaryDirectory(prefix="nova-two-") as folder:
        async with process_per_room(Path(folder), NOVA_LIMITS="on", NOVA_GATEWAYS="2") as nova:
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
            other = Nova(url, PROCESS_PER_ROOM, engines=nova.engines, processes=nova.processes)
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


async def shown(gateway: Nova, person: Person) -> str:
    """Return the name that somebody has at a gateway."""
    await rested()
    asked = "query($handle: String!) { user(handle: $handle) { displayName } }"
    answer = await gateway.ask(asked, {"handle": person.handle}, by=person)
    name: str = answer.data["user"]["displayName"]
    return name


async def is_new(person: Person, gateway: Nova) -> bool:
    return await shown(gateway, person) == "Another"


@pytest.mark.parametrize("pub_sub", ["with", "without"])
async def test_what_is_changed_at_one_is_seen_at_both_within_a_second(
    gateways: Pair, person: Person, pub_sub: str
) -> None:
    here, there = gateways

    async def change_it() -> None:
        assert {await shown(gateway, person) for gateway in gateways} == {"Between"}
        await rested()
        await here.do("updateProfile", "user { displayName }", person, displayName="Another")
        assert await is_new(person, here), "one's own change is seen at once"
        await until(partial(is_new, person, there), within_s=doors.PROMISED_S, every_s=PACE_S)

    if pub_sub == "with":
        await change_it()
    else:
        async with here.without_pub_sub():
            await change_it()


async def log_out(here: Nova, person: Person) -> None:
    response = await here.http.post("/auth/logout", headers={"Authorization": f"Bearer {person.token}"})
    assert response.status_code == 204


async def suspend(here: Nova, person: Person) -> None:
    await here.suspend(person)


@pytest.mark.parametrize("end", [log_out, suspend])
async def test_w3_a_socket_at_the_other_gateway_ends_with_its_session(
    gateways: Pair, person: Person, end: Callable[[Nova, Person], Awaitable[None]]
) -> None:
    here, there = gateways
    async with doors.socket(there, person.token) as held:
        await rested()
        await end(here, person)
        await closes(held)
    for gateway in gateways:
        await rested()
        assert await doors.closed(doors.http, gateway, person.token)


async def test_who_is_blocked_at_one_finds_nobody_at_either(gateways: Pair, person: Person) -> None:
    here, there = gateways
    await rested()
    blocked = await there.newcomer("blocked")
    asked = "query($handle: String!) { user(handle: $handle) { handle } }"

    async def finds_nobody(gateway: Nova) -> bool:
        await rested()
        answer = await gateway.ask(asked, {"handle": person.handle}, by=blocked)
        return answer.data["user"] is None

    assert not any([await finds_nobody(gateway) for gateway in gateways])
    await rested()
    await here.do("blockUser", "user { id }", person, userId=blocked.id)
    for gateway in gateways:
        await until(partial(finds_nobody, gateway), within_s=doors.PROMISED_S, every_s=PACE_S)


async def test_what_matches_a_pattern_is_forgotten_at_both(gateways: Pair, person: Person) -> None:
    """The name is changed past the room, of which nobody is told: only the pattern makes them look again."""
    here, _ = gateways
    assert here.engines is not None
    assert {await shown(gateway, person) for gateway in gateways} == {"Between"}
    connection = await asyncpg.connect(here.engines.room_dsn("user"))
    await connection.execute(
        "UPDATE profiles SET display_name = 'Another' WHERE user_id = $1", account_id(person)
    )
    await connection.close()
    assert {await shown(gateway, person) for gateway in gateways} == {"Between"}, "both keep what they know"
    redis = await connect(here.engines.redis_url)
    caches = Caches(redis, here.engines.redis_url, clock=SystemClock(), knobs=CacheKnobs())
    profiles = caches.open(PROFILES, ProtoCodec(Profile))
    await caches.start()
    await profiles.invalidate_matching(b"*")
    for gateway in gateways:
        await until(partial(is_new, person, gateway), within_s=doors.PROMISED_S, every_s=PACE_S)
    await caches.aclose()
    await redis.aclose()


async def test_without_redis_both_go_on_within_limits_and_hear_of_an_end(
    gateways: Pair, person: Person
) -> None:
    here, _ = gateways
    assert here.engines is not None
    with stopped(here.engines.pids["Valkey"]):
        granted = 0
        for gateway in gateways:
            assert (await sent(gateway, person, doors.ME)).json()["data"]["viewer"]["email"]
            granted += await _granted(gateway, person)
        assert granted == MUTATIONS, "each counts alone, and grants its half"
        await log_out(here, person)
        for gateway in gateways:
            is_closed = partial(doors.closed, doors.http, gateway, person.token)
            await until(is_closed, within_s=doors.PROMISED_S, every_s=PACE_S)


async def _granted(gateway: Nova, person: Person) -> int:
    """Have somebody change something again and again until he is refused; return how often he was let in."""
    for times in range(2 * MUTATIONS):
        if is_refused(await sent(gateway, person, mutation(1)), "mutations"):
            return times
    raise AssertionError("a gateway without Redis is open to everybody")
