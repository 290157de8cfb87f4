"""A Nova reduced to its engines, run as a process of its own so that tests can kill it.

`python holder.py DATA`: starts the engines, acknowledges one more row and one more key, prints what there is
as one line of JSON, and holds on until its input ends.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import asyncpg
import redis.asyncio

from nova.app.engines.embedded import Engines
from nova.app.engines.errors import EngineError


async def write(engines: Engines) -> tuple[int, int]:
    """Add a row to feed's schema and one to a counter; return how many there are."""
    connection = await asyncpg.connect(engines.room_dsn("feed"))
    try:
        await connection.execute("create table if not exists kept (at timestamptz default now())")
        await connection.execute("insert into kept default values")
        rows = await connection.fetchval("select count(*) from kept")
    finally:
        await connection.close()
    async with redis.asyncio.Redis.from_url(engines.redis_url) as client:
        return int(rows), int(await client.incr("kept"))


async def main(data: Path) -> None:
    loop = asyncio.get_running_loop()
    async with Engines(data, rooms=("feed",)) as engines:
        rows, keys = await write(engines)
        ready = {"pid": os.getpid(), "uid": os.geteuid(), "rows": rows, "keys": keys, "pids": engines.pids}
        sys.stdout.write(json.dumps({**ready, "run": str(engines.folder.run)}) + "\n")
        sys.stdout.flush()
        await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    try:
        asyncio.run(main(Path(sys.argv[1])))
    except EngineError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
