"""Suspending and reinstating as staff does, for the tests of it."""

from datetime import datetime

from nova.api.identity.v1 import identity_pb2 as pb
from nova.platform.rpc.validate import to_timestamp
from tests.unit.identity.identity_house import IdentityHouse

REASON = "Sells what he does not have."


async def suspend(
    house: IdentityHouse,
    by: pb.Tokens,
    user_id: bytes,
    *,
    reason: str = REASON,
    until: datetime | None = None,
    key: str | None = None,
) -> pb.Suspension:
    """Suspend an account; return what is noted."""
    request = pb.SuspendAccountRequest(
        user_id=user_id, reason=reason, until=None if until is None else to_timestamp(until)
    )
    with house.by(by, key=key):
        return (await house.stub.SuspendAccount(request)).suspension


async def reinstate(house: IdentityHouse, by: pb.Tokens, user_id: bytes) -> None:
    """Reinstate an account."""
    with house.by(by):
        await house.stub.ReinstateAccount(pb.ReinstateAccountRequest(user_id=user_id))
