"""Q3 and the headers of limits: addresses by request, people by root field, on every way in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nova.platform.config import Config, Limits, Networks, Server
from tests.e2e.gateway.door import opened
from tests.unit.gateway.edge import Edge, edge
from tests.unit.gateway.town import Town


@pytest.fixture
async def strict(town: Town, redis_url: str, tmp_path: Path) -> AsyncIterator[Edge]:
    """A gateway that lets an address ask 20 times at once, and people ask 5 fields and change 2 a minute."""
    limits = Limits(ip_rate=0.1, ip_burst=20, queries_per_min=5, mutations_per_min=2)
    config = Config(limits=limits, server=Server(port=0, data=tmp_path))
    async with edge(town, redis_url, config=config) as made:
        yield made


async def test_people_are_limited_by_root_fields(strict: Edge, town: Town) -> None:
    ada, bob = town.person("ada"), town.person("bob")
    three = "{ a: viewer { email } b: viewer { email } c: viewer { email } }"
    first = await strict.ask(three, viewer=ada)
    assert first.status == 200
    assert first.headers["ratelimit-policy"] == '"queries";q=5;w=60'
    assert first.headers["ratelimit"].startswith('"queries";r=2;')
    refused = await strict.ask(three, viewer=ada)
    assert refused.status == 429
    assert int(refused.headers["retry-after"]) >= 1
    extensions = refused.json()["errors"][0]["extensions"]
    assert extensions["code"] == "RATE_LIMITED"
    assert extensions["retryAfter"] > 0
    assert (await strict.ask(three, viewer=bob)).status == 200


async def test_q3_aliased_mutations_count_each(strict: Edge, town: Town) -> None:
    ada = town.person("ada")
    three = (
        "mutation { "
        + " ".join(f"m{n}: signOut(input: {{}}) {{ userErrors {{ code }} }}" for n in range(3))
        + " }"
    )
    assert await strict.code(three, viewer=ada) == "RATE_LIMITED"
    assert not town.calls["identity.SignOut"]


async def test_q3_aliased_sign_ins_weigh_on_the_address(strict: Edge, town: Town) -> None:
    eight = (
        "mutation { "
        + " ".join(
            f'm{n}: signIn(input: {{login: "a", password: "b"}}) {{ userErrors {{ code }} }}'
            for n in range(8)
        )
        + " }"
    )
    codes = [await strict.code(eight) for _ in range(3)]
    assert codes == ["UNAUTHENTICATED", "UNAUTHENTICATED", "RATE_LIMITED"]
    assert town.calls["identity.SignIn"] <= 16


async def test_an_address_is_limited_on_every_path(strict: Edge) -> None:
    for _ in range(20):
        assert (await strict.send("GET", "/playground")).status == 200
    refused = await strict.send("GET", "/playground")
    assert refused.status == 429
    assert refused.headers["ratelimit-policy"].startswith('"ip"')
    assert int(refused.headers["retry-after"]) >= 1
    assert (await strict.send("POST", "/auth/login", body=b"{}")).status == 429
    assert (await strict.send("GET", "/playground", peer="192.0.2.7")).status == 200
    assert (await strict.send("GET", "/livez")).status == 200


async def test_h9_a_claimed_address_is_limited_as_the_peer(strict: Edge) -> None:
    async def asked(number: int) -> int:
        claim = f"198.51.100.{number}"
        headers = {"x-forwarded-for": claim, "forwarded": f"for={claim}", "x-real-ip": claim}
        return (await strict.send("GET", "/playground", headers=headers)).status

    assert [await asked(number) for number in range(21)] == [200] * 20 + [429]


async def test_h9_the_address_that_a_trusted_proxy_saw_is_limited(
    town: Town, redis_url: str, tmp_path: Path
) -> None:
    server = Server(port=0, data=tmp_path, drain_s=1, trusted_proxies=Networks("127.0.0.0/8, 10.0.0.0/8"))
    config = Config(limits=Limits(ip_rate=0.1, ip_burst=2), server=server)
    async with edge(town, redis_url, config=config) as made, opened(made) as door:

        async def asked(*seen: str) -> int:
            lines = "".join(f"X-Forwarded-For: {line}\r\n" for line in seen)
            return (
                await door.raw(f"GET /playground HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode())
            ).status

        # Whatever the caller claims stands to the left of what our own proxies have seen.
        for number in range(2):
            assert await asked(f"198.51.100.{number}, 203.0.113.7, 10.1.2.3") == 200
        assert await asked("198.51.100.9, 203.0.113.7, 10.1.2.3") == 429
        assert await asked("198.51.100.9", "203.0.113.7") == 429
        assert await asked("203.0.113.8") == 200


async def test_limits_can_be_lifted(gate: Edge, town: Town) -> None:
    ada = town.person("ada")
    for _ in range(120):
        assert (await gate.ask("{ viewer { email } }", viewer=ada)).status == 200
