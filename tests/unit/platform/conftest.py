"""A Redis of a test's own, on a Unix socket as `nova up` runs it, and over TCP with a password as others do."""

from collections.abc import AsyncIterator
from typing import get_args

import pytest

from tests.own_valkey import OwnValkey, Way, own_valkey


@pytest.fixture(params=get_args(Way))
async def valkey(request: pytest.FixtureRequest) -> AsyncIterator[OwnValkey]:
    """One that may be killed, in each of both ways."""
    async with own_valkey(request.param) as server:
        yield server
