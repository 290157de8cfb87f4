"""A Nova that runs, without a world, for the commands that ask it."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.app.commands import Commands


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
