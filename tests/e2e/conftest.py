"""One platform in each shape, for the whole suite."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.nova import Nova
from tests.e2e.shapes import ONE_PROCESS, PROCESS_PER_ROOM, one_process, process_per_room


@pytest.fixture(scope="session", params=[ONE_PROCESS, PROCESS_PER_ROOM])
async def nova(request: pytest.FixtureRequest) -> AsyncIterator[Nova]:
    """The platform, without rate limits, once in each shape."""
    shape = {ONE_PROCESS: one_process, PROCESS_PER_ROOM: process_per_room}[request.param]
    with tempfile.TemporaryDirectory(prefix="nova-e2e-") as folder:
        async with shape(Path(folder)) as running:
            yield running
