"""`nova trace`: one request as a tree, found by its trace or its request id."""

import httpx

from tests.unit.app.commands import Commands
from tests.waiting import until

TRACE = "0af7651916cd43dd8448eb211c80319c"


async def asked(nova: Commands, handle: str, **headers: str) -> None:
    headers["authorization"] = f"Bearer {await nova.sign_up(handle)}"
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            nova.instance.graphql, json={"query": "{ viewer { settings { language } } }"}, headers=headers
        )
    assert "errors" not in answer.json()


async def test_it_shows_the_rooms_below_the_gateway(nova: Commands) -> None:
    await asked(
        nova,
        "traced",
        traceparent=f"00-{TRACE}-b7ad6b7169203331-01",
        **{"x-request-id": "a-request-to-trace"},
    )

    async def found() -> bool:
        return (await nova("trace", TRACE)).code == 0

    await until(found)
    shown = (await nova("trace", TRACE)).out.splitlines()
    assert shown[0].startswith(f"trace {TRACE}, ")
    assert shown[1].startswith("POST graphql")
    assert any(line.startswith("    ") and "user/" in line for line in shown), shown
    assert (await nova("trace", "a-request-to-trace")).out.splitlines() == shown
    lines = (await nova("trace", TRACE, "--json")).lines
    assert {line["trace_id"] for line in lines} == {TRACE}
    assert len(lines) == len(shown) - 1


async def test_a_request_that_did_not_ask_says_how_to(nova: Commands) -> None:
    await asked(nova, "untraced", **{"x-request-id": "a-request-not-traced"})
    missing = await nova("trace", "a-request-not-traced")
    assert missing.code == 1
    assert "traceparent" in missing.err
