"""A port of the loopback at which a test serves whoever connects."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

Serve: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None] | None]


@asynccontextmanager
async def listening(serve: Serve, *, port: int = 0, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Yield the port, a free one where none is given; within the block each connection there is handed to `serve`.

    A server of asyncio that closes between a connection's accept and its first step drops it unclosed (CPython
    gh-109564), and whichever test runs when that is collected fails. So it stops accepting first.
    """
    server = await asyncio.start_server(serve, "127.0.0.1", port, ssl=tls)
    (listener,) = server.sockets
    try:
        yield listener.getsockname()[1]
    finally:
        asyncio.get_running_loop().remove_reader(listener.fileno())
        await asyncio.sleep(0)
        server.close()
