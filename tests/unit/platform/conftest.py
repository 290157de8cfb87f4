"""Redis as `nova up` runs it, on a Unix socket, and as others do, over TCP with a password."""

import pytest

from nova.app.engines.embedded import Engines
from tests.real import ENGINES, on_real_engines


@pytest.fixture(scope="session", params=["embedded", pytest.param("tcp", marks=on_real_engines)])
def redis_url(request: pytest.FixtureRequest, engines: Engines) -> str:
    return ENGINES["NOVA_REDIS_URL"] if request.param == "tcp" else engines.redis_url
