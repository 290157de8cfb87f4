"""The engines that `make engines` has started, for those who run tests on them: `make test-real`."""

import os
from pathlib import Path

import asyncpg
import pytest

from nova.platform.redis.client import connect

FILE = Path(os.environ.get("NOVA_TEST_ENGINES", os.devnull))
ENGINES = dict(line.split("=", 1) for line in FILE.read_text().splitlines())
"""The variables of that file; none where nobody has named one."""
on_real_engines = pytest.mark.skipif(
    not ENGINES, reason="NOVA_TEST_ENGINES names no file of engines: `make test-real` does"
)


async def empty() -> None:
    """Forget what the engines keep for Nova: these engines are there for tests."""
    connection = await asyncpg.connect(ENGINES["NOVA_POSTGRES_URL"])
    await connection.execute("DROP DATABASE IF EXISTS nova WITH (FORCE)")
    await connection.close()
    redis = await connect(ENGINES["NOVA_REDIS_URL"])
    await redis.execute("FLUSHALL")
    await redis.aclose()
