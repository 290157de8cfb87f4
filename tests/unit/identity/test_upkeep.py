"""What has expired is swept out, and nothing else."""

from datetime import timedelta

import pytest

from nova.api.identity.v1 import identity_pb2 as pb
from nova.platform.errors import Unauthenticated
from nova.services.identity.upkeep import Sweeper
from tests.unit.identity.identity_house import IdentityHouse

TABLES = ("sessions", "refresh_tokens", "keyed_calls", "revocations", "guesses")
HOUR = timedelta(hours=1)


async def counts(house: IdentityHouse) -> dict[str, int]:
    return {table: await house.count(table) for table in TABLES}


async def fill(house: IdentityHouse, handle: str) -> None:
    """Leave a row in each table."""
    tokens = (await house.sign_up(handle, key=handle)).tokens
    await house.refresh(tokens.refresh_token)
    with pytest.raises(Unauthenticated):
        await house.sign_in(handle, password="wrong password")
    with house.by((await house.sign_in(handle)).tokens):
        await house.stub.SignOut(pb.SignOutRequest())


async def test_what_still_matters_stays(house: IdentityHouse) -> None:
    await fill(house, "ada")
    before = await counts(house)
    assert all(before.values())
    await Sweeper(house.store, revocations_matter=HOUR).sweep()
    assert await counts(house) == before


async def test_what_has_expired_goes(house: IdentityHouse) -> None:
    await fill(house, "ada")
    for moved in (
        "UPDATE sessions SET expires_at = now() - interval '1 second'",
        "UPDATE keyed_calls SET called_at = now() - interval '24 hours 1 second'",
        "UPDATE revocations SET revoked_at = now() - interval '1 hour 1 second'",
        "UPDATE guesses SET guessed_at = ARRAY[now() - interval '1 hour 1 second']",
    ):
        await house.database.primary.fetch(moved)
    await Sweeper(house.store, revocations_matter=HOUR).sweep()
    assert await counts(house) == dict.fromkeys(TABLES, 0)
    assert await house.count("accounts") == 1


async def test_an_expired_link_of_a_family_goes_and_its_session_stays(house: IdentityHouse) -> None:
    tokens = (await house.sign_up("ada")).tokens
    following = (await house.refresh(tokens.refresh_token)).tokens
    await house.database.primary.fetch(
        "UPDATE refresh_tokens SET expires_at = now() - interval '1 second' WHERE used_at IS NOT NULL"
    )
    await Sweeper(house.store, revocations_matter=HOUR).sweep()
    assert await house.count("refresh_tokens") == 1
    assert await house.refresh(following.refresh_token)
