"""Tokens that hold, and every way in which one must not."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from nova.platform.auth.claims import ACCESS_LIFETIME_S, CLOCK_SKEW_S, LEEWAY_S
from nova.platform.auth.tokens import ExpiredToken, InvalidToken
from nova.platform.errors import Unauthenticated
from nova.platform.ids import uuid7
from tests.tokens import PERMISSIONS, Issuer, encoded, private_key
from tests.unit.platform.auth.door import Door


async def refused(door: Door, token: str, kind: type[Unauthenticated] = InvalidToken) -> None:
    with pytest.raises(kind) as raised:
        await door.verifier.verify(token)
    assert type(raised.value) is kind
    assert str(raised.value) == kind.__doc__, "no more is told than the class says"


async def test_a_good_token_tells_who_and_until_when(door: Door) -> None:
    claims = door.issuer.claims(epoch=7)
    token = door.issuer.token(claims)
    for _ in range(2):
        verified = await door.verifier.verify(token)
        assert verified.actor.user_id == claims.user_id
        assert verified.actor.session_id == claims.session_id
        assert verified.actor.roles == {"user"}
        assert verified.actor.permissions == PERMISSIONS
        assert verified.actor.token == token
        assert (verified.epoch, verified.issued_at, verified.expires_at) == (
            7,
            claims.issued_at,
            claims.expires_at,
        )
    assert token not in repr(verified)


async def test_t1_alg_none_is_refused(door: Door) -> None:
    payload = encoded(json.dumps(door.issuer.claims().to_json()).encode())
    for alg in ("none", "None", "NONE"):
        header = encoded(json.dumps({"alg": alg, "typ": "at+jwt", "kid": door.issuer.kid}).encode())
        for signature in ("", "AA", door.issuer.token().split(".")[2]):
            await refused(door, f"{header}.{payload}.{signature}")


async def test_t1_rs256_turned_hs256_is_refused(door: Door) -> None:
    """The old trick: the public key, known to all, as the secret of a MAC."""
    public = private_key(door.issuer.kid).public_key()
    header = encoded(json.dumps({"alg": "HS256", "typ": "at+jwt", "kid": door.issuer.kid}).encode())
    payload = encoded(json.dumps(door.issuer.claims().to_json()).encode())
    for form in (PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1):
        secret = public.public_bytes(Encoding.PEM, form)
        mac = hmac.new(secret, f"{header}.{payload}".encode(), hashlib.sha256).digest()
        await refused(door, f"{header}.{payload}.{encoded(mac)}")


@pytest.mark.parametrize(
    "alg", ["RS384", "RS512", "PS256", "ES256", "EdDSA", "rs256", "", None, 256, ["RS256"]]
)
async def test_t1_only_rs256(door: Door, alg: object) -> None:
    await refused(door, door.issuer.altered({"alg": alg, "typ": "at+jwt", "kid": door.issuer.kid}))


@pytest.mark.parametrize(
    "member", ["jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip", "cty", "enc", "epk"]
)
async def test_t1_a_header_with_more_is_refused(door: Door, member: str) -> None:
    await refused(door, door.issuer.altered({**door.issuer.header(), member: []}))


@pytest.mark.parametrize("member", ["alg", "typ", "kid"])
async def test_t1_a_header_with_less_is_refused(door: Door, member: str) -> None:
    header = {name: value for name, value in door.issuer.header().items() if name != member}
    await refused(door, door.issuer.altered(header))


async def test_t1_duplicate_members_are_refused(door: Door) -> None:
    payload = json.dumps(door.issuer.claims().to_json())
    header = json.dumps(door.issuer.header())
    await door.verifier.verify(door.issuer.sealed(header, payload))
    await refused(door, door.issuer.sealed(header[:-1] + ', "alg": "RS256"}', payload))
    await refused(door, door.issuer.sealed(header, payload[:-1] + ', "epoch": 9}'))
    await refused(door, door.issuer.sealed(header, payload[:-1] + f', "user_id": "{uuid7()}"}}'))


async def test_t1_over_8_kb_is_refused_before_decoding(door: Door) -> None:
    before = refusals("too_long")
    await refused(door, door.issuer.altered(permissions=["content:read" * 100] * 10))
    await refused(door, "a" * 10_000_000)
    assert refusals("too_long") == before + 2
    assert door.keys.asked == 0


async def test_t1_a_key_of_another_type_or_too_small_is_none(door: Door) -> None:
    small: Any = private_key("small", 1024).public_key()
    foreign: Any = b"a secret"
    door.keys.by_id = {"small": small, "foreign": foreign}
    await refused_by_absence(door, Issuer(now=door.issuer.now, kid="small"))
    await refused_by_absence(door, Issuer(now=door.issuer.now, kid="foreign"))


async def refused_by_absence(door: Door, issuer: Issuer) -> None:
    with pytest.raises(Exception, match="keys that tokens are verified with") as raised:
        await door.verifier.verify(issuer.token())
    assert type(raised.value).__name__ == "KeysUnknown"


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "a.b",
        "a.b.c.d",
        "a..c",
        "ä.ö.ü",
        "a b.c.d",
        "AA.AA.AA\n",
        "e30.e30.e30",
        "bnVsbA.e30.AA",
    ],
)
async def test_t1_what_is_no_token_is_refused(door: Door, token: str) -> None:
    await refused(door, token)


@pytest.mark.parametrize(
    "text", ["[]", "null", "1", '"text"', "{", '{"a":NaN}', "[" * 5000, "\ufeff{}", '{"a":1}x']
)
async def test_t1_a_payload_that_is_no_json_object_is_refused(door: Door, text: str) -> None:
    await refused(door, door.issuer.sealed(json.dumps(door.issuer.header()), text))
    await refused(door, door.issuer.sealed(text, json.dumps(door.issuer.claims().to_json())))


async def test_t1_a_token_has_one_spelling(door: Door) -> None:
    """Spare bits in the last character, padding, the other alphabet: the same bytes, but another text."""
    token = door.issuer.token()
    head, _, last = token.rpartition(token[-1])
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    value = alphabet.index(token[-1])
    twin = token[:-1] + alphabet[value ^ 1]
    signature = token.split(".")[2]
    assert base64.urlsafe_b64decode(signature + "==") == base64.urlsafe_b64decode(twin.split(".")[2] + "==")
    for other in (twin, token + "=", token + "==", token.replace("-", "+"), token.replace("_", "/")):
        if other != token:
            await refused(door, other)
    assert (head, last) == (token[:-1], "")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), by=st.integers(1, 63))
async def test_t1_no_changed_character_gets_through(door: Door, place: int, by: int) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    token = door.issuer.token()
    at = place % len(token)
    other = alphabet[(alphabet.find(token[at]) + by) % 64]
    if other != token[at]:
        await refused(door, token[:at] + other + token[at + 1 :])


@pytest.mark.parametrize(
    "claim", ["iss", "aud", "exp", "iat", "sub", "jti", "user_id", "sid", "roles", "permissions", "epoch"]
)
async def test_t2_every_claim_is_required(door: Door, claim: str) -> None:
    await refused(door, door.issuer.altered(None, **{claim: None}))


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", "nova"), ("iss", "nova-auth/"), ("iss", ["nova-auth"]),
        ("aud", "other"), ("aud", ["nova"]), ("aud", ["nova", "other"]),
        ("exp", "soon"), ("exp", True), ("exp", -1), ("exp", 1e300), ("exp", 10**30), ("exp", float("inf")),
        ("iat", "now"), ("iat", False), ("iat", 1.5),
        ("user_id", "1"), ("user_id", 1), ("user_id", "{01890a5d-ac96-774b-bcce-b302099a8057}"),
        ("sid", ""), ("sid", "01890A5D-AC96-774B-BCCE-B302099A8057"),
        ("sub", "somebody-else"), ("jti", "x"),
        ("roles", "admin"), ("roles", [1]), ("roles", {"admin": True}), ("roles", ["r"] * 65),
        ("permissions", "content:read"), ("permissions", [None]),
        ("epoch", "1"), ("epoch", True), ("epoch", -1), ("epoch", 1.0),
    ],
)  # fmt: skip
async def test_t2_a_claim_of_another_form_is_refused(door: Door, claim: str, value: object) -> None:
    await refused(door, door.issuer.altered(None, **{claim: value}))


async def test_t2_expired_beyond_the_leeway_is_told_apart(door: Door) -> None:
    token = door.issuer.token()
    door.clock.advance(ACCESS_LIFETIME_S + LEEWAY_S - 1)
    await door.verifier.verify(token)
    door.clock.advance(1)
    await refused(door, token, ExpiredToken)
    await refused(door, token, ExpiredToken)


@pytest.mark.parametrize("ahead_s", [-CLOCK_SKEW_S, CLOCK_SKEW_S], ids=["slow", "fast"])
async def test_t2_what_an_issuer_with_a_wrong_clock_has_just_issued_is_good(door: Door, ahead_s: int) -> None:
    door.issuer.now += timedelta(seconds=ahead_s)
    await door.verifier.verify(door.issuer.token())


@pytest.mark.parametrize("ahead_s", [-CLOCK_SKEW_S, CLOCK_SKEW_S], ids=["slow", "fast"])
async def test_t2_a_verifier_with_a_wrong_clock_takes_what_has_just_been_issued(
    door: Door, ahead_s: int
) -> None:
    door.clock.step(ahead_s)
    await door.verifier.verify(door.issuer.token())


async def test_t2_a_token_from_a_future_that_no_wrong_clock_explains_is_refused(door: Door) -> None:
    door.issuer.now += timedelta(seconds=CLOCK_SKEW_S + LEEWAY_S)
    await door.verifier.verify(door.issuer.token())
    door.issuer.now += timedelta(seconds=1)
    await refused(door, door.issuer.token())


@pytest.mark.parametrize("ahead_s", [-CLOCK_SKEW_S, 0, CLOCK_SKEW_S])
async def test_t2_a_wrong_clock_lets_no_token_outlive_its_kind(door: Door, ahead_s: int) -> None:
    door.issuer.now += timedelta(seconds=ahead_s)
    issued = int(door.issuer.now.timestamp())
    await refused(door, door.issuer.altered(exp=issued + ACCESS_LIFETIME_S + 1))


async def test_t2_a_token_that_outlives_its_kind_is_refused(door: Door) -> None:
    issued = int(door.issuer.now.timestamp())
    await refused(door, door.issuer.altered(exp=issued + ACCESS_LIFETIME_S + 1))
    await refused(door, door.issuer.altered(exp=issued))
    await refused(door, door.issuer.altered(exp=issued - 10))


@pytest.mark.parametrize(
    "kind", ["JWT", "jwt", "id+jwt", "rt+jwt", "email+jwt", "stream+jwt", "AT+JWT", "application/at+jwt", ""]
)
async def test_t3_other_tokens_are_not_access_tokens(door: Door, kind: str) -> None:
    await refused(door, door.issuer.altered({**door.issuer.header(), "typ": kind}))


async def test_every_refusal_is_counted_under_its_reason(door: Door) -> None:
    for reason, token in {
        "form": "x",
        "issuer": door.issuer.altered(iss="x"),
        "audience": door.issuer.altered(aud="x"),
        "claims": door.issuer.altered(epoch=None),
        "type": door.issuer.altered({**door.issuer.header(), "typ": "JWT"}),
        "algorithm": door.issuer.altered({**door.issuer.header(), "alg": "none"}),
        "header_members": door.issuer.altered({**door.issuer.header(), "jku": "http://evil.example"}),
        "unknown_key": Issuer(now=door.issuer.now, kid="foreign").token(),
    }.items():
        before = refusals(reason)
        await refused(door, token)
        assert refusals(reason) == before + 1, reason


def refusals(reason: str) -> float:
    return REGISTRY.get_sample_value("auth_tokens_refused_total", {"reason": reason}) or 0
