"""Keys that change while people are signed in: another key-encryption key, and a signing key that was stolen."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from nova.api.identity.v1 import identity_pb2 as pb
from nova.app.identity_view import IdentityKeySource, IdentityRevocationFeed
from nova.platform.auth.keys import KeyRing
from nova.platform.auth.tokens import InvalidToken, Verifier
from nova.platform.clock import FixedClock
from nova.platform.db.database import Database
from nova.platform.ids import uuid7
from nova.platform.redis.client import Redis
from nova.services.identity.kek import Kek
from nova.services.identity.keys import HEARD_OF_WITHIN, NoSigningKey, SigningKeyNotFound, SigningKeys
from nova.services.identity.model import SessionId
from nova.services.identity.store.reading import IdentityStore
from nova.services.identity.tokens import AccessTokens
from tests.tokens import Issuer
from tests.unit.identity.identity_house import KEK, IdentityHouse, opened

NEW = "a key-encryption key that comes after"
PAGE = "reset-password"


@pytest.fixture
async def after(
    house: IdentityHouse, redis: Redis, redis_url: str, tmp_path: Path
) -> AsyncIterator[IdentityHouse]:
    """Identity beside the house, as a release with another key-encryption key starts it."""
    async with opened(
        house.database, redis, redis_url, tmp_path, clock=house.clock, kek=NEW, before=KEK
    ) as after:
        yield after


async def only_kid(database: Database) -> str:
    """Return the id of the one key that there is."""
    (row,) = await database.primary.fetch("SELECT kid FROM signing_keys")
    return str(row["kid"])


async def test_t8_a_new_kek_takes_the_keys_over_and_seals_them_anew(
    house: IdentityHouse, after: IdentityHouse, database: Database
) -> None:
    kid = await only_kid(database)
    sealed = await database.primary.fetchval("SELECT sealed FROM signing_keys")
    assert Kek(NEW).unseal(sealed, name=kid) is not None
    assert Kek(KEK).unseal(sealed, name=kid) is None
    tokens = (await house.sign_up("ada")).tokens
    assert (await after.verified(tokens)).kid == kid
    assert (await house.verified((await after.refresh(tokens.refresh_token)).tokens)).kid == kid


async def test_l2_a_link_outlives_the_kek_that_made_it(house: IdentityHouse, after: IdentityHouse) -> None:
    await house.sign_up("ada")
    await house.stub.RequestPasswordReset(pb.RequestPasswordResetRequest(email="ada@example.org"))
    token = await house.link("ada@example.org", PAGE)
    await after.stub.ResetPassword(pb.ResetPasswordRequest(token=token, password="battery staple"))
    assert (await after.sign_in("ada", password="battery staple")).tokens.access_token


async def test_t6_what_is_repeated_under_a_new_kek_is_answered_as_before(
    house: IdentityHouse, after: IdentityHouse
) -> None:
    opened = await house.sign_up("ada", key="k-1")
    assert (await after.sign_up("ada", key="k-1")).tokens.refresh_token == opened.tokens.refresh_token
    first = await house.refresh(opened.tokens.refresh_token, key="k-2")
    again = await after.refresh(opened.tokens.refresh_token, key="k-2")
    assert again.tokens.refresh_token == first.tokens.refresh_token


async def test_t8_without_the_kek_before_no_token_is_issued_that_is_refused(
    house: IdentityHouse, clock: FixedClock
) -> None:
    """A verifier that has just asked for an unknown key would not ask again for 30 s."""
    tokens = (await house.sign_up("ada")).tokens
    await house.verified(tokens)
    clock.advance(30)
    with pytest.raises(InvalidToken):
        await house.verifier.verify(Issuer(now=clock.now(), kid="made-up").token())
    keys = SigningKeys(store=house.store, kek=Kek(NEW), clock=clock, token_life=timedelta(hours=1))
    await keys.tend()
    with pytest.raises(NoSigningKey):
        keys.current()
    clock.advance(HEARD_OF_WITHIN.total_seconds())
    access = AccessTokens(
        keys=keys, clock=clock, issuer="nova-auth", audience="nova", life=timedelta(hours=1)
    )
    await house.follower.poll()
    found = await house.store.find_by_login("ada")
    assert found is not None
    token = access.issue(found.account, SessionId(uuid7()))
    assert (await house.verifier.verify(token)).kid == keys.current().kid


def ring_of(house: IdentityHouse) -> KeyRing:
    return KeyRing(IdentityKeySource(house.stub), clock=house.clock)


async def test_t8_a_withdrawn_key_s_tokens_are_refused_with_the_next_poll(
    house: IdentityHouse, database: Database, clock: FixedClock
) -> None:
    tokens = (await house.sign_up("ada")).tokens
    stolen = (await house.verified(tokens)).kid
    other = ring_of(house)
    elsewhere = Verifier(other, clock=clock, revocations=house.revocations)
    await elsewhere.verify(tokens.access_token)
    operator = SigningKeys(
        store=IdentityStore(database), kek=Kek(KEK), clock=clock, token_life=timedelta(hours=1)
    )
    new = await operator.rotate(withdraw=stolen)
    await house.follower.poll()
    await IdentityRevocationFeed(house.stub, other).since(0)
    for verifier in (house.verifier, elsewhere):
        with pytest.raises(InvalidToken):
            await verifier.verify(tokens.access_token)
    assert stolen not in (await house.stub.GetKeySet(pb.GetKeySetRequest())).jwks_json
    clock.advance(HEARD_OF_WITHIN.total_seconds())
    again = (await house.refresh(tokens.refresh_token)).tokens
    for verifier in (house.verifier, elsewhere):
        assert (await verifier.verify(again.access_token)).kid == new.kid


async def test_a_key_that_is_not_there_cannot_be_withdrawn(house: IdentityHouse, clock: FixedClock) -> None:
    keys = SigningKeys(store=house.store, kek=Kek(KEK), clock=clock, token_life=timedelta(hours=1))
    with pytest.raises(SigningKeyNotFound):
        await keys.rotate(withdraw="made-up")
    assert await house.count("signing_keys") == 1


async def test_t8_a_rotation_before_its_time_loses_nobody(house: IdentityHouse, clock: FixedClock) -> None:
    tokens = (await house.sign_up("ada")).tokens
    old = (await house.verified(tokens)).kid
    keys = SigningKeys(store=house.store, kek=Kek(KEK), clock=clock, token_life=timedelta(hours=1))
    new = await keys.rotate()
    assert (await house.verified((await house.sign_in("ada")).tokens)).kid == old
    clock.advance((new.signs_from - clock.now()).total_seconds())
    assert (await house.verified((await house.sign_in("ada")).tokens)).kid == new.kid
    assert await house.verified(tokens)
