"""`nova role`: the first moderator of a house, and how soon it is one."""

import json

import httpx
import pytest

from nova.policy.permissions import Role
from tests.unit.app.commands import Commands
from tests.waiting import until

PROMISED_S = 1.0
ME = "{ viewer { roles permissions } }"
SIGN_IN = """mutation($input: SignInInput!) { signIn(input: $input) {
  tokens { accessToken } viewer { roles permissions } } }"""


async def asked(nova: Commands, query: str, *, token: str | None = None, **given: str) -> httpx.Response:
    """Return what the Nova that runs answers."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    body = {"query": query, "variables": {"input": given} if given else None}
    async with httpx.AsyncClient(timeout=30) as client:
        return await client.post(nova.instance.graphql, json=body, headers=headers)


async def signed_in(nova: Commands, handle: str) -> dict[str, list[str]]:
    answer = await asked(nova, SIGN_IN, login=handle, password="nova-world")
    viewer: dict[str, list[str]] = answer.json()["data"]["signIn"]["viewer"]
    return viewer


async def test_a_granted_role_counts_and_the_tokens_before_it_are_void_within_a_second(
    nova: Commands,
) -> None:
    token = await nova.sign_up("role_first")
    assert (await asked(nova, ME, token=token)).status_code == 200
    granted = await nova("role", "grant", "role_first", "admin")
    assert (granted.code, granted.out) == (0, "admin member\n")

    async def void() -> bool:
        return (await asked(nova, ME, token=token)).status_code == 401

    await until(void, within_s=PROMISED_S)
    viewer = await signed_in(nova, "role_first")
    assert viewer["roles"] == ["admin", "member"]
    assert "roles:manage" in viewer["permissions"]


async def test_a_revoked_role_s_rights_end(nova: Commands) -> None:
    await nova.sign_up("role_gone")
    await nova("role", "grant", "role_gone", "moderator")
    revoked = await nova("role", "revoke", "role_gone", "moderator")
    assert (revoked.code, revoked.out) == (0, "member\n")
    assert "content:delete:any" not in (await signed_in(nova, "role_gone"))["permissions"]


async def test_a_role_that_is_there_already_voids_nothing(nova: Commands) -> None:
    token = await nova.sign_up("role_same")
    assert (await nova("role", "revoke", "role_same", "premium")).out == "member\n"
    assert (await asked(nova, ME, token=token)).json()["data"]["viewer"]["roles"] == ["member"]


async def test_roles_are_listed_for_people_and_for_scripts(nova: Commands) -> None:
    await nova.sign_up("role_listed")
    await nova("role", "grant", "role_listed", "premium")
    assert (await nova("role", "list", "Role_Listed")).out == "member premium\n"
    shown = await nova("role", "list", "role_listed", "--json")
    assert json.loads(shown.out) == {"handle": "role_listed", "roles": ["member", "premium"]}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("grant", "nobody_at_all", "admin"), "nobody_at_all"),
        (("grant", "no handle!", "admin"), "handle"),
        (("list", "nobody_at_all"), "sign up first"),
    ],
)
async def test_a_handle_that_is_nobody_s_fails(nova: Commands, arguments: tuple[str, ...], says: str) -> None:
    refused = await nova("role", *arguments)
    assert refused.code == 1
    assert says in refused.err


async def test_a_role_that_is_none_fails_and_says_which_there_are(nova: Commands) -> None:
    await nova.sign_up("role_king")
    refused = await nova("role", "grant", "role_king", "king")
    assert refused.code == 1
    assert ", ".join(Role) in refused.err
    assert (await nova("role", "revoke", "role_king", "member")).code == 1


async def test_a_missing_argument_is_a_matter_of_usage(nova: Commands) -> None:
    assert (await nova("role", "grant", "ada")).code == 2


async def test_without_data_it_says_how_to_begin(nowhere: Commands) -> None:
    refused = await nowhere("role", "grant", "ada", "admin")
    assert refused.code == 1
    assert "begin with `nova up`" in refused.err
    assert not nowhere.data.exists()


async def test_an_engine_that_is_down_is_told_as_such(nowhere: Commands) -> None:
    refused = await nowhere(
        "role", "list", "ada",
        NOVA_POSTGRES_URL="postgresql://postgres@127.0.0.1:1/postgres", NOVA_REDIS_URL="redis://127.0.0.1:1",
    )  # fmt: skip
    assert refused.code == 4
