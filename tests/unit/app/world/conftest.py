"""One small world, made once: it is frozen, so no test can spoil it for another."""

from datetime import UTC, datetime

import pytest

from nova.app.world.generate import generate
from nova.app.world.model import World, WorldSize

SEED = 11
NOW = datetime(2026, 3, 14, 15, 9, 26, 535_897, tzinfo=UTC)


@pytest.fixture(scope="session")
def world() -> World:
    return generate(WorldSize.SMALL, SEED, NOW)
