"""MGET of a thousand packed feature rows, read into one array, beside redis.asyncio."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import numpy as np
import redis.asyncio
from numpy.typing import NDArray

from bench.micro.harness import Case, Contender, main
from bench.micro.server import valkey
from nova.native.features import Column, FeatureTable
from nova.platform.redis.client import Redis, connect

MODULE = "bench.micro.bench_mget"
ROWS, WIDTH, ASKED, SETS = 20_000, 64, 1_000, 16
TIME_BYTES = 8
# redis-py is typed for texts too.
MGet = Callable[[list[bytes]], Awaitable[Any]]


def packed() -> tuple[list[bytes], list[bytes]]:
    """Return ids and packed rows, as the feature table packs them."""
    rng = random.Random(7)
    ids = [rng.randbytes(16) for _ in range(ROWS)]
    table = FeatureTable([Column(f"f{at}") for at in range(WIDTH)])
    table.put(b"".join(ids), np.random.default_rng(7).random((ROWS, WIDTH), np.float32), at_ms=1)
    rows, _ = table.pack(b"".join(ids))
    size = table.row_bytes
    return ids, [rows[start : start + size] for start in range(0, len(rows), size)]


async def filled(port: int, ids: list[bytes], rows: list[bytes]) -> Redis:
    """Return our client, with the rows in place."""
    ours = await connect(f"redis://127.0.0.1:{port}", timeout_s=30)  # a busy machine is slow to take them all
    await asyncio.gather(*[ours.execute("SET", key, row) for key, row in zip(ids, rows, strict=True)])
    return ours


def joined(found: list[bytes]) -> NDArray[np.float32]:
    """Return the values of packed rows, (n, width)."""
    rows = np.frombuffer(b"".join(found), np.uint8).reshape(len(found), -1)
    return rows[:, TIME_BYTES:].view(np.float32)


def cases() -> Iterator[Case]:
    """Read 1,000 of 20,000 rows of 264 bytes over TCP; another thousand each call."""
    ids, rows = packed()
    by_id = dict(zip(ids, rows, strict=True))
    rng = random.Random(8)
    asked = [rng.sample(ids, ASKED) for _ in range(SETS)]
    with valkey() as (loop, port):
        ours = loop.run_until_complete(filled(port, ids, rows))
        theirs = redis.asyncio.Redis(port=port)

        def by(mget: MGet) -> Callable[[int], NDArray[np.float32]]:
            async def read(turn: int) -> NDArray[np.float32]:
                return joined(await mget(asked[turn % SETS]))

            return lambda turn: loop.run_until_complete(read(turn))

        nova, peer = by(lambda keys: ours.execute("MGET", *keys)), by(theirs.mget)

        def check(turn: int) -> None:
            expected = joined([by_id[key] for key in asked[turn]])
            assert np.array_equal(nova(turn), expected)
            assert np.array_equal(peer(turn), expected)

        yield Case(
            f"MGET of {ASKED} rows of {len(rows[0])} B",
            Contender("nova", nova),
            [Contender("redis.asyncio", peer, goal=0.35, cpu_goal=0.1)],
            SETS,
            check,
        )
        loop.run_until_complete(theirs.aclose())
        loop.run_until_complete(ours.aclose())


if __name__ == "__main__":
    main(MODULE, cases)
