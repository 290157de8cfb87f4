"""`nova keys`: a stolen key is withdrawn, and its tokens are refused by the Nova that runs."""

import json

import httpx

from tests.unit.app.commands import Commands
from tests.waiting import until


async def test_t8_a_withdrawn_key_s_tokens_are_refused(nova: Commands) -> None:
    token = await nova.sign_up("keys_first")
    (old,) = json.loads((await nova("keys", "list", "--json")).out)
    assert old["does"] == "signs"
    rotated = await nova("keys", "rotate", "--withdraw", old["kid"])
    assert rotated.code == 0, rotated.err

    async def refused() -> bool:
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient() as client:
            answer = await client.post(
                nova.instance.graphql, json={"query": "{ viewer { roles } }"}, headers=headers
            )
        return answer.status_code == 401

    await until(refused)
    (new,) = json.loads((await nova("keys", "list", "--json")).out)
    assert new["kid"] != old["kid"]
    assert new["kid"] in rotated.out
    assert old["kid"] not in rotated.out

    async def signs_again() -> bool:
        return (await nova("token", "keys_first", "--password", "nova-world")).code == 0

    await until(signs_again, within_s=20)


async def test_an_unknown_key_is_not_withdrawn(nova: Commands) -> None:
    refused = await nova("keys", "rotate", "--withdraw", "made-up")
    assert refused.code == 1
    assert "no signing key of that id" in refused.err
