"""`nova account`: suspended by the operator, out within a second, and in again."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.unit.app.commands import PASSWORD, Commands
from tests.waiting import until

PROMISED_S = 1.0
REASON = "Sells what he does not have."


async def standing(nova: Commands, handle: str) -> dict[str, object]:
    """Return how an account stands."""
    shown = await nova("account", "show", handle, "--json")
    assert shown.code == 0
    known: dict[str, object] = json.loads(shown.out)
    return known


async def is_void(nova: Commands, token: str) -> bool:
    """Return whether the Nova that runs refuses a token."""
    async with httpx.AsyncClient(timeout=30) as client:
        answer = await client.post(
            nova.instance.graphql,
            json={"query": "{ viewer { email } }"},
            headers={"Authorization": f"Bearer {token}"},
        )
    return answer.status_code == 401


async def login(nova: Commands, handle: str) -> httpx.Response:
    """Sign in by the form."""
    async with httpx.AsyncClient(timeout=30) as client:
        form = {"login": handle, "password": PASSWORD}
        return await client.post(f"{nova.instance.url}/auth/login", json=form)


async def test_a_suspended_account_is_out_within_a_second_and_in_when_reinstated(nova: Commands) -> None:
    token = await nova.sign_up("account_out")
    assert not await is_void(nova, token)
    suspended = await nova("account", "suspend", "Account_Out", "--reason", REASON)
    assert suspended.code == 0
    assert "suspended       yes" in suspended.out
    assert REASON in suspended.out

    await until(lambda: is_void(nova, token), within_s=PROMISED_S)
    refused = await login(nova, "account_out")
    assert (refused.status_code, refused.json()["code"]) == (403, "ACCOUNT_SUSPENDED")
    told = await nova("token", "account_out")
    assert (told.code, told.err) == (1, "nova: This account is suspended for good.\n")
    reinstated = await nova("account", "reinstate", "account_out")
    assert (reinstated.code, "suspended       no" in reinstated.out) == (0, True)
    assert (await login(nova, "account_out")).status_code == 200
    assert await is_void(nova, token)


async def test_until_when_and_why_are_told_to_scripts(nova: Commands) -> None:
    await nova.sign_up("account_told")
    known = await standing(nova, "account_told")
    assert (known["suspended"], known["suspension"], known["roles"]) == (False, None, ["member"])
    ends = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)
    suspended = await nova(
        "account", "suspend", "account_told", "--reason", REASON, "--until", ends.isoformat(), "--json"
    )
    assert json.loads(suspended.out) == await standing(nova, "account_told")
    suspension = json.loads(suspended.out)["suspension"]
    assert datetime.fromisoformat(suspension.pop("suspended_at")) < ends
    assert suspension == {"until": ends.isoformat(), "reason": REASON, "suspended_by": None}
    refused = await login(nova, "account_told")
    assert refused.json()["detail"] == f"This account is suspended until {ends.isoformat()}."


async def test_r8_what_makes_no_suspension_fails_and_says_why(nova: Commands) -> None:
    token = await nova.sign_up("account_kept")
    for options, says in (
        (("--reason", REASON, "--until", "2001-01-01"), "ends in the future"),
        (("--reason", " "), "reason"),
    ):
        refused = await nova("account", "suspend", "account_kept", *options)
        assert refused.code == 1
        assert says in refused.err
    assert not await is_void(nova, token)


@pytest.mark.parametrize("options", [(), ("--reason", REASON, "--until", "tomorrow")])
async def test_a_missing_reason_and_an_unclear_end_are_a_matter_of_usage(
    nova: Commands, options: tuple[str, ...]
) -> None:
    assert (await nova("account", "suspend", "ada", *options)).code == 2


@pytest.mark.parametrize("verb", [("suspend", "--reason", REASON), ("reinstate",), ("show",)])
async def test_a_handle_that_is_nobody_s_fails(nova: Commands, verb: tuple[str, ...]) -> None:
    refused = await nova("account", *verb, "nobody_at_all")
    assert (refused.code, "nobody_at_all" in refused.err) == (1, True)
