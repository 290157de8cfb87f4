"""L5 and the way back into an account: from the mail that a newcomer finds in the folder, through every door."""

import asyncio
import re
from email import message_from_bytes, policy
from functools import partial

from tests.e2e import doors
from tests.e2e.nova import PASSWORD, Nova, Person
from tests.waiting import until

NEXT = "a quite different password"
VERIFIED = "{ viewer { emailVerified } }"


def links(nova: Nova, person: Person, page: str) -> list[str]:
    """Return the tokens of the links to a page that were mailed to somebody, oldest first."""
    assert nova.engines is not None
    found = []
    for file in sorted((nova.engines.folder.path / "mail").glob("*.eml")):
        message = message_from_bytes(file.read_bytes(), policy=policy.default)
        if message["To"] == f"{person.handle}@example.org":
            found += re.findall(rf"http://127\.0\.0\.1:\d+/{page}#(\S+)\s", message.get_content())
    return found


async def link(nova: Nova, person: Person, page: str) -> str:
    """Return the first of them, once it is there."""
    await until(lambda: bool(links(nova, person, page)))
    return links(nova, person, page)[0]


async def test_an_address_is_verified_by_the_mail_that_signing_up_sent(nova: Nova) -> None:
    person = await nova.newcomer("mailed")
    assert (await nova.ask(VERIFIED, by=person)).data == {"viewer": {"emailVerified": False}}
    payload = await nova.do("verifyEmail", "email", token=await link(nova, person, "verify-email"))
    assert payload["email"] == f"{person.handle}@example.org"
    assert (await nova.ask(VERIFIED, by=person)).data == {"viewer": {"emailVerified": True}}
    asked = await nova.do("requestEmailVerification", "viewer { emailVerified }", person)
    assert asked["viewer"] == {"emailVerified": True}


async def test_a_reset_ends_what_was_open_at_every_door_within_a_second(nova: Nova) -> None:
    person = await nova.newcomer("forgetful")
    for door in doors.all_of(nova).values():
        assert await door(nova, person.token)
    await nova.do("requestPasswordReset", "", email=f"{person.handle}@example.org")
    await nova.do("resetPassword", "", token=await link(nova, person, "reset-password"), password=NEXT)
    async with asyncio.TaskGroup() as waiting:
        for door in doors.all_of(nova).values():
            refused = partial(doors.closed, door, nova, person.token)
            waiting.create_task(until(refused, within_s=doors.PROMISED_S))
    old = await nova.post(
        "mutation($input: SignInInput!) { signIn(input: $input) { tokens { accessToken } } }",
        {"input": {"login": person.handle, "password": PASSWORD}},
    )
    assert old.json()["errors"][0]["extensions"]["reason"] == "INVALID_CREDENTIALS"
    assert await nova.do("signIn", "tokens { accessToken }", login=person.handle, password=NEXT)


ASK = "mutation($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { __typename } }"


async def test_l3_known_and_unknown_addresses_get_the_same_answer(nova: Nova) -> None:
    person = await nova.newcomer("known")
    answers = [
        await nova.post(ASK, {"input": {"email": email}})
        for email in (f"{person.handle}@example.org", "nobody@example.org")
    ]
    assert len({(answer.status_code, answer.text) for answer in answers}) == 1


async def test_l5_no_header_gets_into_a_link(nova: Nova) -> None:
    """The configuration names no site here, so links begin with the gateway's own address: `links` finds no other."""
    person = await nova.newcomer("hosted")
    body = {"query": ASK, "variables": {"input": {"email": f"{person.handle}@example.org"}}}
    headers = {"Host": "localhost", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    assert (await nova.http.post("/graphql", json=body, headers=headers)).status_code == 200
    assert await link(nova, person, "reset-password")


async def test_a_link_that_is_none_is_told_at_its_field(nova: Nova) -> None:
    token = "x" * 64
    for payload in (
        await nova.attempt("verifyEmail", "", token=token),
        await nova.attempt("resetPassword", "", token=token, password=NEXT),
    ):
        assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [
            ("LINK_INVALID", ["token"])
        ]
