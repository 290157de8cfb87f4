"""The same house over both transports, and somebody who calls."""

from collections.abc import AsyncIterator, Iterator

import pytest

from nova.platform.auth.actor import Actor
from nova.platform.rpc.context import CallContext, entered
from nova.platform.telemetry.tracing import Tracing
from tests.unit.platform.rpc.echo_house import House, served


@pytest.fixture(params=["local", "wire"])
async def house(request: pytest.FixtureRequest) -> AsyncIterator[House]:
    async with served(request.param, Tracing()) as house:
        yield house


@pytest.fixture
async def wire_house() -> AsyncIterator[House]:
    async with served("wire", Tracing()) as house:
        yield house


@pytest.fixture
def signed_in(house: House) -> Iterator[Actor]:
    """The context of a call on behalf of somebody, without a deadline."""
    actor = house.actor()
    with entered(CallContext(actor=actor)):
        yield actor
