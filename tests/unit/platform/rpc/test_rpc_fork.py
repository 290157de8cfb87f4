"""A process that speaks gRPC begins others, as a supervisor does, and gRPC takes no part in it."""

import asyncio
import os
import sys

# Calls are under way in threads of gRPC's when the process forks: libuv, unlike CPython, forks and not only execs.
BEGINS_OTHERS = """
import asyncio
from contextlib import suppress
{first}
import grpc
import uvloop

async def ask(channel):
    while True:
        with suppress(grpc.aio.AioRpcError):
            await channel.unary_unary("/a/b")(b"")

async def main():
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{{port}}") as channel:
        asking = [asyncio.create_task(ask(channel)) for _ in range(8)]
        for _ in range(20):
            await (await asyncio.create_subprocess_exec("true")).wait()
        for one in asking:
            one.cancel()
        await asyncio.wait(asking)
    await server.stop(None)

uvloop.run(main())
"""


async def told(first: str) -> bytes:
    """Return what a process says of its errors that begins others; `first` is what it imports first."""
    without = {name: value for name, value in os.environ.items() if not name.startswith("GRPC_")}
    program = BEGINS_OTHERS.format(first=first)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program), env=without, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 0, errors
    return errors


async def test_nothing_of_grpc_runs_when_a_process_begins_another() -> None:
    assert b"fork" in await told("import os")
    assert b"fork" not in await told("import nova")
