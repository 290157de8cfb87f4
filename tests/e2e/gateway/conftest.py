"""The gateway behind a real port, before a town that is played: for what needs a wire and no rooms."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nova.platform.config import Config, Limits, Server
from tests.e2e.gateway.door import Door, opened
from tests.unit.gateway.edge import Edge, edge
from tests.unit.gateway.town import Town


@pytest.fixture
def town() -> Town:
    return Town()


@pytest.fixture
async def door(town: Town, redis_url: str, tmp_path: Path) -> AsyncIterator[Door]:
    config = Config(limits=Limits(enabled=False), server=Server(port=0, data=tmp_path, drain_s=1))
    async with edge(town, redis_url, config=config) as made, opened(made) as door:
        yield door


@pytest.fixture
async def gate(door: Door) -> Edge:
    """The same gateway, asked without the wire: where a peer must be made up."""
    return door.edge
