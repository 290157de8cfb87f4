"""What every test may stand on: the real engines, started once a session in a folder of their own."""

import os
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings
from xdist.remote import Producer

from nova.app.engines.embedded import Engines
from tests import real
from tests.scratch import Scratch
from tests.workers import OnePlatformAWorker

# A busy machine is no failure: how long an example takes is for the benchmarks.
settings.register_profile("nova", deadline=None)
settings.load_profile("nova")

ROOMS = ("identity", "user", "graph", "content", "social", "features", "ranking", "feed")
MEMORY, ENOUGH_BYTES = Path("/dev/shm"), 4 << 30


def pytest_configure() -> None:
    """Keep the data folders of tests in memory where there is room: a commit then waits for no disk.

    Tracebacks in logs are plain: structlog's own, where it finds `rich`, take seconds to draw the locals of a gateway.
    Programs that the tests start hear a Ctrl-C, even where the tests were started by a script with `&`, and do not.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
        ]
    )
    if "TMPDIR" not in os.environ and _holds_programs(MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def _holds_programs(folder: Path) -> bool:
    if not os.access(folder, os.W_OK):
        return False
    told = os.statvfs(folder)
    return told.f_bavail * told.f_frsize > ENOUGH_BYTES and not told.f_flag & os.ST_NOEXEC


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    real.skip_without(item)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OnePlatformAWorker:
    return OnePlatformAWorker(config, log)


@pytest.fixture(scope="session")
async def engines() -> AsyncIterator[Engines]:
    """PostgreSQL and Valkey with the roles and schemas of every room."""
    with tempfile.TemporaryDirectory(prefix="nova-test-") as folder:
        async with Engines(Path(folder) / "data", rooms=ROOMS) as started:
            yield started


@pytest.fixture(scope="session")
def postgres(engines: Engines) -> str:
    """The administrator's DSN of the database `nova`, for asyncpg."""
    return engines.postgres_dsn()


@pytest.fixture(scope="session")
def redis_url(engines: Engines) -> str:
    return engines.redis_url


@pytest.fixture
async def scratch(engines: Engines) -> AsyncIterator[Scratch]:
    """Rooms and logs of this test's own, with the platform's tables in them."""
    made = Scratch(engines)
    yield made
    await made.aclose()
