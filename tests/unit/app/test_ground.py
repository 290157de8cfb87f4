"""What people read first when a platform starts."""

from collections.abc import Mapping

import pytest

from nova.app.ground import first_step
from nova.platform.configure import load

POSTGRES = {"NOVA_POSTGRES_URL": "postgresql://there/postgres"}
REDIS = {"NOVA_REDIS_URL": "redis://there"}


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({}, "Starting PostgreSQL and Valkey"),
        (REDIS, "Starting PostgreSQL"),
        (POSTGRES, "Starting Valkey"),
        (POSTGRES | REDIS, "Reaching PostgreSQL and Redis"),
    ],
    ids=["both", "PostgreSQL", "Valkey", "neither"],
)
def test_only_engines_that_are_started_are_said_to_be(named: Mapping[str, str], said: str) -> None:
    assert first_step(load(named)) == said
