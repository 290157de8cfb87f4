"""L1 and L3: ten wrong passwords an hour for each account, whatever the door; and nobody learns whose login exists."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.e2e.nova import PASSWORD, Nova

GUESSES = 10
WRONG = "a wrong password"
SIGN_IN = (
    "mutation($input: SignInInput!) { signIn(input: $input) { tokens { accessToken } userErrors { code } } }"
)


async def by_graphql(nova: Nova, login: str, password: str) -> str:
    answer = await nova.ask(SIGN_IN, {"input": {"login": login, "password": password}})
    return answer.code if "errors" in answer else "in"


async def by_form(nova: Nova, login: str, password: str) -> str:
    response = await nova.http.post("/auth/login", json={"login": login, "password": password})
    return {200: "in", 401: "UNAUTHENTICATED", 429: "RATE_LIMITED"}[response.status_code]


async def test_l1_ten_guesses_are_evaluated_by_whatever_name_and_door(nova: Nova) -> None:
    person = await nova.newcomer("guessed")
    names = (person.handle, person.handle.upper(), f"{person.handle}@example.org")
    told = await asyncio.gather(
        *(
            (by_form if guess % 2 else by_graphql)(nova, names[guess % 3], WRONG)
            for guess in range(GUESSES + 3)
        )
    )
    assert sorted(told) == ["RATE_LIMITED"] * 3 + ["UNAUTHENTICATED"] * GUESSES
    assert await by_graphql(nova, person.handle, PASSWORD) == "RATE_LIMITED"
    assert await by_form(nova, names[2], PASSWORD) == "RATE_LIMITED"
    refused = await nova.ask(SIGN_IN, {"input": {"login": person.handle, "password": PASSWORD}})
    assert 0 < refused["errors"][0]["extensions"]["retryAfter"] <= 3600
    assert "errors" not in await nova.ask("{ viewer { email } }", by=person), "who is signed in stays so"


async def test_q3_aliases_buy_no_guesses(nova: Nova) -> None:
    person = await nova.newcomer("aliased")
    fields = " ".join(
        f'g{guess}: signIn(input: {{login: "{person.handle}", password: "{WRONG}"}}) {{ userErrors {{ code }} }}'
        for guess in range(9)
    )
    answers = [await nova.ask(f"mutation {{ {fields} }}") for _ in range(GUESSES + 1)]
    codes = [error["extensions"]["code"] for answer in answers for error in answer["errors"]]
    assert codes.count("UNAUTHENTICATED") == GUESSES
    assert codes.count("RATE_LIMITED") > 0
    assert await by_graphql(nova, person.handle, PASSWORD) == "RATE_LIMITED"


async def test_l3_a_login_that_nobody_has_is_answered_like_any_other(nova: Nova) -> None:
    person = await nova.newcomer("known")
    logins = (person.handle, "nobody_has_this", "nobody@example.org", "@", "DROP TABLE accounts")
    for ask in (by_graphql_whole, by_form_whole):
        known, *unknown = [await ask(nova, login) for login in logins]
        assert unknown == [known] * len(unknown)
    for _ in range(GUESSES - 2):
        assert await by_graphql(nova, "nobody_has_this", WRONG) == "UNAUTHENTICATED"
    assert await by_graphql(nova, "nobody_has_this", WRONG) == "RATE_LIMITED"


async def by_graphql_whole(nova: Nova, login: str) -> tuple[int, Any]:
    response = await nova.post(SIGN_IN, {"input": {"login": login, "password": WRONG}})
    return whole(response)


async def by_form_whole(nova: Nova, login: str) -> tuple[int, Any]:
    return whole(await nova.http.post("/auth/login", json={"login": login, "password": WRONG}))


def whole(response: httpx.Response) -> tuple[int, Any]:
    """Return status and body, without the number of the request."""
    body = response.json()
    body.pop("requestId", None)
    for error in body.get("errors", ()):
        assert error["extensions"].pop("requestId")
    return response.status_code, body


@pytest.mark.parametrize("field", ["handle", "email"])
async def test_a_taken_handle_or_address_is_named_at_sign_up(nova: Nova, field: str) -> None:
    person = await nova.newcomer("taken")
    given: dict[str, Any] = {
        "handle": f"not_{person.handle}",
        "email": f"not_{person.handle}@example.org",
        "password": PASSWORD,
        "displayName": "T",
    }
    given[field] = person.handle if field == "handle" else f"{person.handle}@example.org"
    payload = await nova.attempt("signUp", "tokens { accessToken }", **given)
    assert payload["tokens"] is None
    assert [error["code"] for error in payload["userErrors"]] == [f"{field.upper()}_TAKEN"]
