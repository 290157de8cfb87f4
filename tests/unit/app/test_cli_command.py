"""What every command shares: whoever ends it, it cleans up behind itself."""

import asyncio
import signal
import sys

import pytest

LONG = """
import asyncio
from nova.app.cli_command import run

async def work() -> None:
    try:
        print("begun", flush=True)
        await asyncio.Event().wait()
    finally:
        print("ended", flush=True)

run(work)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
async def test_a_command_that_is_ended_from_without_ends_what_it_began(number: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", LONG, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"begun\n"
    process.send_signal(number)
    assert await process.stdout.read() == b"ended\n"
    assert await process.wait() == 128 + number
