"""The issuer's keys: unknown ones, new ones, withdrawn ones, and a source that is down."""

import asyncio

import pytest

from nova.platform.auth.keys import KeysUnknown
from nova.platform.auth.tokens import InvalidToken
from tests.tokens import Issuer, private_key
from tests.unit.platform.auth.door import Door


async def test_t4_unknown_keys_cost_one_refresh_in_30_s(door: Door) -> None:
    await door.verifier.verify(door.issuer.token())
    assert door.keys.asked == 1
    door.clock.advance(30)
    for number in range(50):
        token = door.issuer.altered({**door.issuer.header(), "kid": f"made-up-{number}"})
        with pytest.raises(InvalidToken):
            await door.verifier.verify(token)
    assert door.keys.asked == 2
    door.clock.advance(29.9)
    with pytest.raises(InvalidToken):
        await door.verifier.verify(door.issuer.altered({**door.issuer.header(), "kid": "made-up"}))
    assert door.keys.asked == 2


async def test_t4_many_at_once_ask_once(door: Door) -> None:
    await asyncio.gather(*(door.verifier.verify(door.issuer.token()) for _ in range(20)))
    assert door.keys.asked == 1


async def test_t4_a_token_signed_by_another_key_of_the_same_id_is_refused(door: Door) -> None:
    door.keys.by_id = {door.issuer.kid: private_key("other").public_key()}
    with pytest.raises(InvalidToken):
        await door.verifier.verify(door.issuer.token())


async def test_t8_rotation_with_overlap_loses_nobody(door: Door) -> None:
    old = door.issuer.token()
    await door.verifier.verify(old)
    second = Issuer(now=door.issuer.now, kid="key-2")
    door.keys.by_id["key-2"] = private_key("key-2").public_key()
    door.clock.advance(30)  # published that long before its first use
    await door.verifier.verify(second.token())
    await door.verifier.verify(old)
    await door.verifier.verify(door.issuer.token())
    assert door.keys.asked == 2


async def test_t8_a_withdrawn_key_takes_its_tokens_along(door: Door) -> None:
    old = door.issuer.token()
    await door.verifier.verify(old)
    second = Issuer(now=door.issuer.now, kid="key-2")
    door.keys.by_id = {"key-2": private_key("key-2").public_key()}
    door.clock.advance(30)
    await door.verifier.verify(second.token())
    with pytest.raises(InvalidToken):
        await door.verifier.verify(old)


async def test_t8_a_key_that_the_issuer_told_of_is_asked_for_within_a_second(door: Door) -> None:
    """However many tokens of unknown keys have just been refused."""
    await door.verifier.verify(door.issuer.token())
    door.clock.advance(30)
    with pytest.raises(InvalidToken):
        await door.verifier.verify(Issuer(now=door.issuer.now, kid="made-up").token())
    second = Issuer(now=door.issuer.now, kid="key-2")
    door.keys.by_id["key-2"] = private_key("key-2").public_key()
    door.ring.expect(frozenset({door.issuer.kid, "key-2"}))
    door.clock.advance(1)
    await door.verifier.verify(second.token())
    assert door.keys.asked == 3


async def test_t8_a_key_that_is_named_no_more_is_gone_though_a_replica_publishes_it(door: Door) -> None:
    old = door.issuer.token()
    await door.verifier.verify(old)
    door.keys.by_id["key-2"] = private_key("key-2").public_key()
    door.ring.expect(frozenset({"key-2"}))
    with pytest.raises(InvalidToken):
        await door.verifier.verify(old)
    door.clock.advance(1)
    await door.verifier.verify(Issuer(now=door.issuer.now, kid="key-2").token())
    assert door.keys.asked == 2
    with pytest.raises(InvalidToken):
        await door.verifier.verify(old)
    door.ring.expect(frozenset({door.issuer.kid, "key-2"}))
    door.clock.advance(1)
    await door.verifier.verify(door.issuer.token())


async def test_t8_keys_are_read_again_after_five_minutes(door: Door) -> None:
    await door.verifier.verify(door.issuer.token())
    door.keys.by_id = {"key-2": private_key("key-2").public_key()}
    door.clock.advance(300)
    with pytest.raises(InvalidToken):
        await door.verifier.verify(door.issuer.token())


async def test_known_keys_go_on_serving_while_the_source_is_down(door: Door) -> None:
    await door.verifier.verify(door.issuer.token())
    door.keys.down = True
    door.clock.advance(301)
    await door.verifier.verify(door.issuer.token())
    assert door.keys.asked == 2


async def test_without_any_key_the_answer_is_unavailable_not_refused(door: Door) -> None:
    door.keys.down = True
    for _ in range(10):
        with pytest.raises(KeysUnknown):
            await door.verifier.verify(door.issuer.token())
    assert door.keys.asked == 1, "a source that is down is not asked by everybody"
    door.keys.down = False
    door.clock.advance(1)
    await door.verifier.verify(door.issuer.token())
