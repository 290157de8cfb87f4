"""A Nova that runs, without a world, for the commands that ask it; a supervisor for programs of a line each."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from nova.app.supervisor import Supervisor
from nova.platform.backoff import Backoff
from tests.unit.app.commands import Commands
from tests.unit.app.programs import heard


@pytest.fixture(scope="session")
async def nova() -> AsyncIterator[Commands]:
    """Commands on the data folder of a Nova that runs."""
    with tempfile.TemporaryDirectory(prefix="nova-cli-") as folder:
        commands = Commands(Path(folder) / "data")
        async with commands.up("--world", "none"):
            yield commands


@pytest.fixture
def nowhere(tmp_path: Path) -> Commands:
    """Commands on a data folder that was never used."""
    return Commands(tmp_path / "data")


@pytest.fixture
def said() -> list[str]:
    """What the parts have written, by line, without the numbers of their processes."""
    return []


@pytest.fixture
async def supervisor(said: list[str]) -> AsyncIterator[Supervisor]:
    """One that looks often and waits for nothing long."""
    pauses = Backoff(first_s=0.01, longest_s=0.05)
    supervisor = Supervisor(
        write=heard(said), drain_s=0.2, grace_s=0.8, start_s=0.5, look_every_s=0.05, pauses=pauses
    )
    yield supervisor
    await supervisor.stop()


@pytest.fixture
def forks(monkeypatch: pytest.MonkeyPatch) -> "list[OSError]":
    """What the system answers to the next starts of a process, before it starts one again."""
    refusals: list[OSError] = []
    start = asyncio.create_subprocess_exec

    async def started(*arguments: Any, **options: Any) -> asyncio.subprocess.Process:
        if refusals:
            raise refusals.pop()
        return await start(*arguments, **options)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", started)
    return refusals
