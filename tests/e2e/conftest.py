"""One platform in each shape, for the whole suite."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import uvloop

from tests import real
from tests.e2e.nova import Nova
from tests.e2e.shapes import (
    ONE_PROCESS,
    PROCESS_PER_ROOM,
    REAL_ENGINES,
    on_real_engines,
    one_process,
    process_per_room,
)


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run on the loop that the `nova` command runs on: in one process the platform is in ours."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(
    scope="session",
    params=[ONE_PROCESS, PROCESS_PER_ROOM, pytest.param(REAL_ENGINES, marks=real.on_real_engines)],
)
async def nova(request: pytest.FixtureRequest) -> AsyncIterator[Nova]:
    """The platform, without rate limits, once in each shape."""
    shapes = {ONE_PROCESS: one_process, PROCESS_PER_ROOM: process_per_room, REAL_ENGINES: on_real_engines}
    shape = shapes[request.param]
    with tempfile.TemporaryDirectory(prefix="nova-e2e-") as folder:
        async with shape(Path(folder)) as running:
            yield running


@pytest.fixture
def apart(nova: Nova) -> Nova:
    """The platform, where rooms listen."""
    if nova.processes is None:
        pytest.skip("rooms in one process do not listen")
    return nova
