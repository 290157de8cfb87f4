"""Folders, holders that can be killed, and waiting for a condition."""

import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nova.app.engines.leftovers import living_in

HOLDER = Path(__file__).with_name("holder.py")
DEADLINE_S = 30.0


@dataclass(frozen=True)
class Holder:
    """A running holder, and what it said when its engines were ready."""

    process: asyncio.subprocess.Process
    said: dict[str, Any]


Hold = Callable[..., Awaitable[Holder]]
Until = Callable[[Callable[[], bool]], Awaitable[None]]


@pytest.fixture
def data() -> Iterator[Path]:
    """A data folder that does not exist yet, in a folder that every user can enter."""
    base = Path(tempfile.mkdtemp(prefix="nova-test-"))
    base.chmod(0o755)
    yield base / "data"
    shutil.rmtree(base)


@pytest.fixture
async def hold() -> AsyncIterator[Hold]:
    """Start holders of engines in processes of their own; those still running at the end are let go."""
    started: list[asyncio.subprocess.Process] = []

    async def start(data: Path, *, before: Sequence[str] = (), python: str = sys.executable) -> Holder:
        process = await asyncio.create_subprocess_exec(
            *before, python, str(HOLDER), str(data),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        assert process.stderr is not None
        line = await process.stdout.readline()
        assert line, (await process.stderr.read()).decode()
        return Holder(process, json.loads(line))

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            assert process.stdin is not None
            process.stdin.close()
        await asyncio.wait_for(process.wait(), DEADLINE_S)


@pytest.fixture
def until() -> Until:
    """Wait until a condition holds, for 30 s at most."""

    async def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, "the condition never held"
            await asyncio.sleep(0.01)

    return wait


@pytest.fixture
def living(data: Path) -> Callable[[], list[int]]:
    """The engine processes at work in the data folder."""

    def look() -> list[int]:
        postgres, valkey = data / "postgres", data / "valkey"
        return living_in(postgres, postgres / "postmaster.pid") + living_in(valkey, valkey / "valkey.pid")

    return look
