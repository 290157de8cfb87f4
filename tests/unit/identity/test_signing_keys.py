"""Signing keys: rotated with overlap, sealed at rest, made once however many processes start."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from joserfc.jwk import RSAKey

from nova.api.identity.v1 import identity_pb2 as pb
from nova.platform.auth.tokens import ExpiredToken
from nova.platform.clock import FixedClock
from nova.platform.db.database import Database
from nova.platform.errors import Unavailable
from nova.services.identity.kek import Kek
from nova.services.identity.keys import (
    HEARD_OF_WITHIN,
    MADE_AHEAD,
    PUBLISHED_AHEAD,
    SIGNS_FOR,
    NoSigningKey,
    SigningKeys,
)
from nova.services.identity.store.reading import IdentityStore
from tests.unit.identity.identity_house import KEK, IdentityHouse
from tests.waiting import until

TOKEN_LIFE = timedelta(seconds=3630)
Maker = Callable[..., SigningKeys]


@pytest.fixture
def process(database: Database, clock: FixedClock) -> Maker:
    """Makes the keys as one more process knows them."""

    def made(kek: str = KEK) -> SigningKeys:
        return SigningKeys(store=IdentityStore(database), kek=Kek(kek), clock=clock, token_life=TOKEN_LIFE)

    return made


def published(keys: SigningKeys) -> list[str]:
    return [key["kid"] for key in json.loads(keys.jwks_json())["keys"]]


async def test_t8_rotation_with_overlap_loses_nobody(house: IdentityHouse) -> None:
    """Over two rotations a client refreshes each hour, and each of its tokens holds for its whole hour."""
    tokens = (await house.sign_up("ada")).tokens
    kids = {(await house.verified(tokens)).kid}
    for _ in range(62):
        await house.pass_days(1)
        for _ in range(3):
            tokens = (await house.refresh(tokens.refresh_token)).tokens
            kids.add((await house.verified(tokens)).kid)
            house.clock.advance(3599)
            assert await house.verified(tokens)
    assert len(kids) == 3


async def test_a_successor_is_published_before_it_signs(process: Maker, clock: FixedClock) -> None:
    keys = process()
    await keys.tend()
    first = keys.current().kid
    clock.advance((SIGNS_FOR - MADE_AHEAD).total_seconds())
    await keys.tend()
    (_, second) = published(keys)
    assert keys.current().kid == first
    clock.advance(PUBLISHED_AHEAD.total_seconds() - 1)
    assert keys.current().kid == first
    clock.advance(1)
    assert keys.current().kid == second


async def test_a_retired_key_is_published_until_its_last_token_has_expired(
    process: Maker, clock: FixedClock
) -> None:
    keys = process()
    await keys.tend()
    first = keys.current().kid
    clock.advance((SIGNS_FOR - timedelta(hours=1)).total_seconds())
    await keys.tend()
    clock.advance(timedelta(hours=1).total_seconds() + TOKEN_LIFE.total_seconds())
    assert first in published(keys)
    clock.advance(timedelta(minutes=5).total_seconds())
    assert first not in published(keys)


async def test_many_processes_that_start_at_once_make_one_key(process: Maker, database: Database) -> None:
    """All have found that there is none, and stand before the lock together."""
    processes = [process() for _ in range(4)]
    async with IdentityStore(database).transaction() as tx:
        await tx.lock_signing_keys()
        making = [asyncio.create_task(keys.tend()) for keys in processes]
        await until(lambda: waiting_for_a_lock(database, len(processes)))
    await asyncio.gather(*making)
    assert len({keys.current().kid for keys in processes}) == 1
    assert len(published(processes[0])) == 1


async def waiting_for_a_lock(database: Database, count: int) -> bool:
    """Return whether so many transactions of this room's role wait for an advisory lock."""
    waiting = await database.primary.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = current_user AND wait_event = 'advisory'"
    )
    return bool(waiting == count)


async def test_another_kek_makes_a_new_key_and_the_old_one_goes_on_verifying(
    process: Maker, clock: FixedClock
) -> None:
    old = process()
    await old.tend()
    new = process("another key of thirty-two characters")
    await new.tend()
    with pytest.raises(NoSigningKey):
        new.current()
    clock.advance(HEARD_OF_WITHIN.total_seconds())
    assert new.current().kid != old.current().kid
    assert published(new) == [old.current().kid, new.current().kid]
    await old.tend()
    assert set(published(old)) == set(published(new))


async def test_private_keys_are_sealed_at_rest_and_bound_to_their_id(
    process: Maker, database: Database
) -> None:
    keys = process()
    await keys.tend()
    key = keys.current()
    sealed = await database.primary.fetchval("SELECT sealed FROM signing_keys")
    der = key.private.as_der(private=True)
    secret_part = RSAKey.import_key(der).private_key
    assert secret_part is not None
    assert der[64:128] not in sealed
    assert secret_part.private_numbers().p.to_bytes(128, "big") not in sealed
    assert Kek(KEK).unseal(sealed, name=key.kid) == der
    assert Kek(KEK).unseal(sealed, name="another kid") is None
    assert Kek(KEK).unseal(sealed[:-1] + bytes([sealed[-1] ^ 1]), name=key.kid) is None


async def test_without_a_key_nothing_is_signed(process: Maker) -> None:
    with pytest.raises(Unavailable):
        process().current()


async def test_the_key_set_shows_public_halves_only(house: IdentityHouse) -> None:
    answer = await house.stub.GetKeySet(pb.GetKeySetRequest())
    (key,) = json.loads(answer.jwks_json)["keys"]
    assert key.keys() == {"kty", "use", "alg", "kid", "n", "e"}
    assert (key["kty"], key["use"], key["alg"], key["e"]) == ("RSA", "sig", "RS256", "AQAB")
    assert RSAKey.import_key(key).public_key.key_size == 2048


async def test_t2_an_access_token_says_what_the_house_agreed_and_expires(house: IdentityHouse) -> None:
    tokens = (await house.sign_up("ada")).tokens
    verified = await house.verified(tokens)
    assert (verified.expires_at - verified.issued_at).total_seconds() == 3600
    house.clock.advance(3631)
    with pytest.raises(ExpiredToken):
        await house.verified(tokens)
