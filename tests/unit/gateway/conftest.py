"""A gateway before a small town: Ada is the viewer, Bob and Eve write."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nova.platform.config import Config, Limits, Server
from tests.unit.gateway.edge import Edge, edge
from tests.unit.gateway.town import Town


@pytest.fixture
def town() -> Town:
    return Town()


@pytest.fixture
async def gate(town: Town, redis_url: str, tmp_path: Path) -> AsyncIterator[Edge]:
    config = Config(limits=Limits(enabled=False), server=Server(port=0, data=tmp_path))
    async with edge(town, redis_url, config=config) as made:
        yield made


@pytest.fixture
def ada(town: Town) -> bytes:
    return town.person("ada")


@pytest.fixture
def bob(town: Town) -> bytes:
    return town.person("bob")


@pytest.fixture
def eve(town: Town) -> bytes:
    return town.person("eve")
