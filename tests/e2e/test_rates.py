"""The rate limits as they are by default: for each person 10 mutations and 100 queries a minute, for each address 100
requests a second and 10 at once.
"""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.nova import PASSWORD, Nova, Person
from tests.e2e.shapes import one_process
from tests.waiting import until

MUTATIONS = 10
QUERIES = 100
REQUESTS_A_SECOND = 100
BURST = 10
LONGEST_WAIT_S = 65
"""A minute, and what the window is cut into."""


@pytest.fixture(scope="module")
async def limited() -> AsyncIterator[Nova]:
    """A platform of its own, with its limits on."""
    with tempfile.TemporaryDirectory(prefix="nova-e2e-") as folder:
        async with one_process(Path(folder), NOVA_LIMITS="on") as nova:
            yield nova


@pytest.fixture
async def person(limited: Nova) -> Person:
    """Somebody new: the address has rested when he is there."""
    await rested()
    return await limited.newcomer("limited")


async def rested() -> None:
    """Wait for as long as an address must be quiet to ask as much at once as it ever may."""
    clock = asyncio.get_running_loop().time
    full_at = clock() + BURST / REQUESTS_A_SECOND
    await until(lambda: clock() >= full_at)


async def sent(limited: Nova, person: Person, document: str) -> httpx.Response:
    """Send a document when the address may."""
    await rested()
    response = await limited.post(document, by=person)
    assert not is_refused(response, "ip")
    return response


def is_refused(response: httpx.Response, quota: str) -> bool:
    """Return whether a request was refused for a quota, after checking that it is told as it should be."""
    if response.status_code != 429:
        return False
    headers = response.headers
    assert int(headers["retry-after"]) >= 1
    name = headers.get("ratelimit-policy", '"ip"').partition(";")[0].strip('"')
    if name == "ip":
        return quota == "ip"
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert 0 < error["extensions"]["retryAfter"] <= LONGEST_WAIT_S
    return bool(name == quota)


def mutation(count: int) -> str:
    call = 'updateSettings(input: {language: "de"}) { userErrors { code } }'
    return f"mutation {{ {' '.join(f'm{n}: {call}' for n in range(count))} }}"


def query(count: int) -> str:
    return f"{{ {' '.join(f'q{n}: viewer {{ email }}' for n in range(count))} }}"


async def test_ten_mutations_a_minute_and_the_eleventh_waits(limited: Nova, person: Person) -> None:
    for number in range(MUTATIONS):
        response = await sent(limited, person, mutation(1))
        assert response.status_code == 200
        assert response.headers["ratelimit-policy"] == '"mutations";q=10;w=60'
        assert response.headers["ratelimit"].startswith(f'"mutations";r={MUTATIONS - number - 1};')
    assert is_refused(await sent(limited, person, mutation(1)), "mutations")
    assert (await sent(limited, person, query(1))).status_code == 200
    await rested()
    other = await limited.newcomer("other")
    assert (await sent(limited, other, mutation(1))).status_code == 200


async def test_q3_aliased_mutations_count_each_and_run_all_or_none(limited: Nova, person: Person) -> None:
    assert (await sent(limited, person, mutation(6))).status_code == 200
    refused = await sent(limited, person, mutation(5))
    assert is_refused(refused, "mutations")
    assert "data" not in refused.json()
    assert (await sent(limited, person, mutation(4))).status_code == 200
    assert is_refused(await sent(limited, person, mutation(1)), "mutations")


async def test_a_hundred_queries_a_minute_aliases_counted(limited: Nova, person: Person) -> None:
    for _ in range(QUERIES // 25):
        assert (await sent(limited, person, query(25))).status_code == 200
    assert is_refused(await sent(limited, person, query(1)), "queries")
    assert (await sent(limited, person, mutation(1))).status_code == 200


async def test_a_second_session_shares_the_quota(limited: Nova, person: Person) -> None:
    assert (await sent(limited, person, mutation(9))).status_code == 200
    await rested()
    tokens = (
        await limited.do(
            "signIn", "tokens { accessToken refreshToken }", login=person.handle, password=PASSWORD
        )
    )["tokens"]
    elsewhere = Person(person.id, person.handle, tokens["accessToken"], tokens["refreshToken"])
    assert (await sent(limited, elsewhere, mutation(1))).status_code == 200
    assert is_refused(await sent(limited, elsewhere, mutation(1)), "mutations")


async def test_an_address_has_a_burst_and_recovers(limited: Nova) -> None:
    await rested()
    statuses = await pipelined(limited, "/playground", 6 * BURST)
    assert statuses.count(200) >= BURST
    assert statuses.count(200) + statuses.count(429) == 6 * BURST
    assert 429 in statuses
    await rested()
    assert (await limited.http.get("/playground")).status_code == 200


async def pipelined(limited: Nova, path: str, count: int) -> list[int]:
    """Ask on one connection without waiting for answers (RFC 9112, section 9.3.2): faster than an address may."""
    host = limited.url.removeprefix("http://")
    reader, writer = await asyncio.open_connection(*host.split(":"))
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n"
    asked = [*[f"{request}\r\n"] * (count - 1), f"{request}Connection: close\r\n\r\n"]
    writer.write("".join(asked).encode())
    answers = await asyncio.wait_for(reader.read(-1), LONGEST_WAIT_S)
    writer.close()
    return [int(line.split()[1]) for line in re.findall(rb"HTTP/1\.1 [0-9]+ ", answers)]


async def test_machines_that_watch_are_not_limited(limited: Nova) -> None:
    responses = await asyncio.gather(*(limited.http.get("/livez") for _ in range(3 * BURST)))
    assert {response.status_code for response in responses} == {200}
