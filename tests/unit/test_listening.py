"""What the tests' own servers leave behind: nothing, at whichever moment they end."""

import asyncio
import gc
from contextlib import suppress

import pytest

from tests.listening import listening


async def turn_away(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def come(port: int) -> None:
    with suppress(ConnectionError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("turns", range(8))
async def test_a_connection_is_not_dropped_unclosed_as_the_server_ends(turns: int) -> None:
    async with listening(turn_away) as port:
        coming = asyncio.create_task(come(port))
        for _ in range(turns):
            await asyncio.sleep(0)
    await coming
    gc.collect()  # what was dropped makes this test fail
