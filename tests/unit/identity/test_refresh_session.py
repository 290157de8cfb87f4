"""Refresh tokens: each is good once, and a second use ends the whole session.

`NOVA_REFRESH_RACES` sets how many uses race, fifty for each session (default 500; the promise is 10,000).
"""

import asyncio
import os
from collections import Counter

import pytest

from nova.api.identity.v1 import identity_pb2 as pb
from nova.platform.errors import NovaError, Unauthenticated
from tests.unit.identity.identity_house import IdentityHouse

RACES = int(os.environ.get("NOVA_REFRESH_RACES", "500"))
AT_ONCE = 50
LIVE_HEADS = "used_at IS NULL"


def reason_of(outcome: object) -> str:
    return outcome.reason if isinstance(outcome, NovaError) else type(outcome).__name__


async def test_each_use_gives_the_next_pair_of_the_same_session(house: IdentityHouse) -> None:
    tokens = (await house.sign_up("ada")).tokens
    first = await house.verified(tokens)
    seen = {tokens.refresh_token}
    for _ in range(3):
        house.clock.advance(60)
        answer = await house.refresh(tokens.refresh_token)
        tokens = answer.tokens
        seen.add(tokens.refresh_token)
        assert (await house.verified(tokens)).actor.session_id == first.actor.session_id
        assert answer.account.handle == "ada"
    assert len(seen) == 4
    assert await house.count("refresh_tokens", LIVE_HEADS) == 1


async def test_t6_a_replay_ends_the_session_and_its_access_tokens(house: IdentityHouse) -> None:
    old = (await house.sign_up("ada")).tokens
    new = (await house.refresh(old.refresh_token)).tokens
    with pytest.raises(Unauthenticated) as caught:
        await house.refresh(old.refresh_token)
    assert caught.value.reason == "REFRESH_TOKEN_REUSED"
    for token in (new.refresh_token, old.refresh_token):
        with pytest.raises(Unauthenticated) as caught:
            await house.refresh(token)
        assert caught.value.reason == "REFRESH_TOKEN_INVALID"
    with pytest.raises(Unauthenticated) as caught:
        await house.verified(new)
    assert caught.value.reason == "REVOKED_TOKEN"
    assert await house.count("sessions") == await house.count("refresh_tokens") == 0


async def test_t6_a_replay_ends_no_other_session(house: IdentityHouse) -> None:
    old = (await house.sign_up("ada")).tokens
    other = (await house.sign_in("ada")).tokens
    await house.refresh(old.refresh_token)
    with pytest.raises(Unauthenticated):
        await house.refresh(old.refresh_token)
    assert await house.refresh(other.refresh_token)


async def test_t6_of_fifty_at_once_one_wins_and_the_session_ends(house: IdentityHouse) -> None:
    tokens = (await house.sign_up("ada")).tokens
    outcomes = await asyncio.gather(
        *(house.refresh(tokens.refresh_token) for _ in range(50)), return_exceptions=True
    )
    assert Counter(map(reason_of, outcomes)) == {
        "RefreshSessionResponse": 1, "REFRESH_TOKEN_REUSED": 1, "REFRESH_TOKEN_INVALID": 48,
    }  # fmt: skip
    assert await house.count("refresh_tokens") == 0
    (won,) = (outcome for outcome in outcomes if isinstance(outcome, pb.RefreshSessionResponse))
    with pytest.raises(Unauthenticated):
        await house.verified(won.tokens)


@pytest.mark.timeout(120 + RACES)
async def test_t6_races_never_leave_two_live_heads(house: IdentityHouse) -> None:
    """The whole family is thrown in at once, round after round, with an end of all sessions in between."""
    for round_number in range(RACES // AT_ONCE):
        tokens = (await (house.sign_up() if round_number == 0 else house.sign_in())).tokens
        family = [tokens.refresh_token, (await house.refresh(tokens.refresh_token)).tokens.refresh_token]

        async def end(current: pb.Tokens = tokens) -> None:
            with house.by(current):
                await house.stub.RevokeAllSessions(pb.RevokeAllSessionsRequest())

        work = [house.refresh(token) for token in family * (AT_ONCE // 2)]
        await asyncio.gather(*work, *([end()] if round_number % 2 else []), return_exceptions=True)
        heads = await house.database.primary.fetch(
            "SELECT session_id FROM refresh_tokens WHERE used_at IS NULL GROUP BY session_id HAVING count(*) > 1"
        )
        assert heads == []
        assert await house.count("sessions") == 0


async def test_a_repeat_under_its_key_gets_the_same_token_and_ends_nothing(house: IdentityHouse) -> None:
    old = (await house.sign_up("ada")).tokens
    first = await house.refresh(old.refresh_token, key="k-1")
    again = await house.refresh(old.refresh_token, key="k-1")
    assert again.tokens.refresh_token == first.tokens.refresh_token
    assert await house.refresh(again.tokens.refresh_token)


async def test_fifty_repeats_at_once_under_one_key_get_one_token(house: IdentityHouse) -> None:
    old = (await house.sign_up("ada")).tokens
    answers = await asyncio.gather(*(house.refresh(old.refresh_token, key="k-1") for _ in range(50)))
    assert len({answer.tokens.refresh_token for answer in answers}) == 1
    assert await house.count("refresh_tokens", LIVE_HEADS) == 1


async def test_t6_a_replay_under_another_key_ends_the_session(house: IdentityHouse) -> None:
    old = (await house.sign_up("ada")).tokens
    new = await house.refresh(old.refresh_token, key="k-1")
    with pytest.raises(Unauthenticated) as caught:
        await house.refresh(old.refresh_token, key="k-2")
    assert caught.value.reason == "REFRESH_TOKEN_REUSED"
    with pytest.raises(Unauthenticated):
        await house.refresh(new.tokens.refresh_token)


async def test_t6_a_repeat_after_its_successor_was_used_ends_the_session(house: IdentityHouse) -> None:
    old = (await house.sign_up("ada")).tokens
    new = await house.refresh(old.refresh_token, key="k-1")
    await house.refresh(new.tokens.refresh_token)
    with pytest.raises(Unauthenticated) as caught:
        await house.refresh(old.refresh_token, key="k-1")
    assert caught.value.reason == "REFRESH_TOKEN_REUSED"
    assert await house.count("sessions") == 0


async def test_another_token_under_the_key_is_a_conflict(house: IdentityHouse) -> None:
    old = (await house.sign_up("ada")).tokens
    new = await house.refresh(old.refresh_token, key="k-1")
    with pytest.raises(NovaError) as caught:
        await house.refresh(new.tokens.refresh_token, key="k-1")
    assert caught.value.reason == "IDEMPOTENCY_CONFLICT"
    assert await house.refresh(new.tokens.refresh_token)


async def test_a_token_lives_thirty_days_from_its_issue(house: IdentityHouse) -> None:
    tokens = (await house.sign_up("ada")).tokens
    await house.pass_days(29)
    tokens = (await house.refresh(tokens.refresh_token)).tokens
    await house.pass_days(29)
    tokens = (await house.refresh(tokens.refresh_token)).tokens
    await house.pass_days(30)
    with pytest.raises(Unauthenticated) as caught:
        await house.refresh(tokens.refresh_token)
    assert caught.value.reason == "REFRESH_TOKEN_INVALID"


@pytest.mark.parametrize(
    "token", ["", "x", "x" * 43, "é" * 43, "=" * 43, "A" * 42 + "B", "A" * 100_000, "a.b.c"]
)
async def test_t3_what_is_no_refresh_token_is_refused_and_leaves_no_trace(
    house: IdentityHouse, token: str
) -> None:
    await house.sign_up("ada")
    with pytest.raises(Unauthenticated) as caught:
        await house.refresh(token, key="k-1")
    assert caught.value.reason == "REFRESH_TOKEN_INVALID"
    assert await house.count("keyed_calls") == 0
    assert await house.count("sessions") == 1


async def test_t3_an_access_token_does_not_refresh_and_a_refresh_token_opens_no_door(
    house: IdentityHouse,
) -> None:
    tokens = (await house.sign_up("ada")).tokens
    with pytest.raises(Unauthenticated):
        await house.refresh(tokens.access_token)
    with (
        house.by(pb.Tokens(access_token=tokens.refresh_token)),
        pytest.raises(Unauthenticated) as caught,
    ):
        await house.stub.GetAccount(pb.GetAccountRequest())
    assert caught.value.reason == "INVALID_TOKEN"
