"""T1 to T3 and T6: no forged, misused, expired or replayed token opens any door."""

import time
from collections.abc import Callable
from functools import partial

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.e2e import doors
from tests.e2e.forge import Forge
from tests.e2e.nova import Nova, Person
from tests.waiting import until

Alter = Callable[[Forge], str]
PEM = (PublicFormat.SubjectPublicKeyInfo, Encoding.PEM)
DER = (PublicFormat.SubjectPublicKeyInfo, Encoding.DER)
HOUR = 3600
LEEWAY = 30

ALTERED: dict[str, Alter] = {
    "t1_alg_none": lambda forge: forge.unsigned(),
    "t1_alg_none_capitals": lambda forge: forge.unsigned("NONE"),
    "t1_rs256_turned_hs256_pem": lambda forge: forge.hs256(of=PEM[0], encoding=PEM[1]),
    "t1_rs256_turned_hs256_der": lambda forge: forge.hs256(of=DER[0], encoding=DER[1]),
    "t1_ps256": lambda forge: forge.token({"alg": "PS256"}),
    "t1_jwk_in_the_header": lambda forge: forge.token({"jwk": {"kty": "RSA"}}),
    "t1_jku_in_the_header": lambda forge: forge.token({"jku": "https://evil.example/jwks.json"}),
    "t1_crit_in_the_header": lambda forge: forge.token({"crit": ["exp"]}),
    "t1_longer_than_8_kb": lambda forge: forge.token(roles=["member"] + ["x" * 64] * 130),
    "t1_other_claims_under_the_signature": lambda forge: forge.resealed(roles=["admin"]),
    "t2_without_iss": lambda forge: forge.token(iss=None),
    "t2_other_iss": lambda forge: forge.token(iss="https://evil.example"),
    "t2_without_aud": lambda forge: forge.token(aud=None),
    "t2_other_aud": lambda forge: forge.token(aud="another-house"),
    "t2_without_exp": lambda forge: forge.token(exp=None),
    "t2_expired": lambda forge: forge.token(**moments(-HOUR - LEEWAY - 1)),
    "t2_lives_too_long": lambda forge: forge.token(exp=forge.claims["iat"] + 10 * HOUR),
    "t2_from_the_future": lambda forge: forge.token(**moments(HOUR)),
    "t3_an_id_token": lambda forge: forge.token({"typ": "JWT"}),
    "t3_without_a_type": lambda forge: forge.token({"typ": None}),
    "t4_unknown_key": lambda forge: forge.token({"kid": "nobody-knows-it"}),
    "t1_of_two_parts": lambda forge: forge.good.rpartition(".")[0],
    "t1_with_padding": lambda forge: f"{forge.good}=",
}


def moments(later_s: int) -> dict[str, int]:
    """Return when a token is issued and expires, from now on."""
    issued = int(time.time()) + later_s
    return {"iat": issued, "exp": issued + HOUR}


@pytest.fixture(scope="module")
async def holder(nova: Nova) -> Person:
    return await nova.newcomer("holder")


@pytest.fixture(scope="module")
async def forge(nova: Nova, holder: Person) -> Forge:
    return await Forge.of(nova, holder.token)


async def test_a_token_that_is_made_like_a_good_one_is_good(nova: Nova, forge: Forge) -> None:
    for token in (forge.good, forge.token(), forge.token(**moments(-60))):
        assert [await door(nova, token) for door in doors.all_of(nova).values()] == [True] * len(
            doors.all_of(nova)
        )


@pytest.mark.parametrize("name", ALTERED)
async def test_an_altered_token_opens_no_door(nova: Nova, forge: Forge, name: str) -> None:
    token = ALTERED[name](forge)
    opened = {door: await taken(nova, token) for door, taken in doors.all_of(nova).items()}
    assert not any(opened.values()), opened


async def test_t2_an_expired_token_is_told_so_that_it_is_refreshed(nova: Nova, forge: Forge) -> None:
    answer = await nova.ask(doors.ME, by=forge.token(**moments(-HOUR - LEEWAY - 1)))
    assert answer["errors"][0]["extensions"]["reason"] == "EXPIRED_TOKEN"


async def test_t3_a_refresh_token_opens_no_door(nova: Nova, holder: Person) -> None:
    opened = {door: await taken(nova, holder.refresh_token) for door, taken in doors.all_of(nova).items()}
    assert not any(opened.values()), opened


async def test_t3_an_access_token_does_not_refresh(nova: Nova, holder: Person) -> None:
    answer = await nova.ask(REFRESH, {"input": {"refreshToken": holder.token}})
    assert answer.code == "UNAUTHENTICATED"


REFRESH = """mutation($input: RefreshSessionInput!) { refreshSession(input: $input) {
  userErrors { code } tokens { accessToken refreshToken } viewer { email } } }"""


async def test_t6_a_replayed_refresh_token_ends_the_family_at_every_door(nova: Nova) -> None:
    person = await nova.newcomer("replayed")
    used = {"input": {"refreshToken": person.refresh_token}}
    tokens = (await nova.ask(REFRESH, used)).data["refreshSession"]["tokens"]
    replayed = await nova.ask(REFRESH, used)
    assert replayed.code == "UNAUTHENTICATED"
    assert replayed["errors"][0]["extensions"]["reason"] == "REFRESH_TOKEN_REUSED"
    for token in (person.token, tokens["accessToken"]):
        for door in doors.all_of(nova).values():
            await until(partial(doors.closed, door, nova, token), within_s=doors.PROMISED_S)
    assert (
        await nova.ask(REFRESH, {"input": {"refreshToken": tokens["refreshToken"]}})
    ).code == "UNAUTHENTICATED"


async def test_t6_of_many_refreshes_at_once_no_two_heads_live(nova: Nova) -> None:
    person = await nova.newcomer("racer")
    answers = await nova.together(
        *(nova.ask(REFRESH, {"input": {"refreshToken": person.refresh_token}}) for _ in range(8))
    )
    heads = [answer.data["refreshSession"]["tokens"] for answer in answers if "errors" not in answer]
    assert len(heads) <= 1
    assert {answer.code for answer in answers if "errors" in answer} == {"UNAUTHENTICATED"}
    for head in heads:
        again = await nova.ask(REFRESH, {"input": {"refreshToken": head["refreshToken"]}})
        assert again.code == "UNAUTHENTICATED", "a token of a family that was replayed lives on"


async def test_a_refresh_repeated_under_its_key_is_answered_again(nova: Nova) -> None:
    person = await nova.newcomer("repeater")
    keyed = {"input": {"refreshToken": person.refresh_token, "idempotencyKey": "refresh-1"}}
    answers = await nova.together(*(nova.ask(REFRESH, keyed) for _ in range(4)))
    heads = {answer.data["refreshSession"]["tokens"]["refreshToken"] for answer in answers}
    assert len(heads) == 1
    assert "errors" not in await nova.ask(REFRESH, {"input": {"refreshToken": heads.pop()}})
