"""A put into a bucket that ends in the middle: its connection is cut, or its writer killed, half-way to the server."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from nova.platform.blobs import BlobNotFound, Blobs
from nova.platform.engine_knobs import BucketUrl
from nova.platform.errors import Unavailable
from nova.platform.object_store import Bucket, in_bucket
from tests.contract.conftest import PATIENCE_S, Shelf
from tests.contract.half_way import HalfWay
from tests.real import on_s3, real_bucket

pytestmark = [on_s3, pytest.mark.parametrize("store", ["bucket"], indirect=True)]

WHOLE = 12 << 20
CARRIED = 8 << 20
"""More than one of the parts in which the client sends what is this big, and not all of them."""
WRITER = """
import asyncio, os, pathlib, sys
from nova.platform.blobs import Blobs
from nova.platform.configure import load
from nova.platform.object_store import bucket_of
async def main(key, source, replace):
    bucket = bucket_of(load(os.environ).engines)
    await Blobs.s3(bucket).put(key, pathlib.Path(source), replace=replace == "True")
asyncio.run(main(*sys.argv[1:]))
"""
replaces = pytest.mark.parametrize("replaces", [True, False], ids=["replaces", "creates"])


@asynccontextmanager
async def half_way() -> AsyncIterator[tuple[HalfWay, Bucket]]:
    """Yield a way that carries but a part of a put, and the bucket by it."""
    bucket = real_bucket()
    async with HalfWay(bucket.url.reveal(), CARRIED).opened() as way:
        yield way, replace(bucket, url=BucketUrl(way.url))


async def nothing_is_there(shelf: Shelf, key: str, *, before: bytes | None) -> None:
    """What was there before still is, nothing is listed but that, and the key can be had."""
    if before is None:
        with pytest.raises(BlobNotFound):
            await shelf.blobs.get(key)
        assert await shelf.keys() == []
        await shelf.blobs.put(key, b"after", replace=False)
    else:
        assert (await shelf.blobs.get(key)).data == before
        assert [info.size for info in await shelf.blobs.list(shelf.folder)] == [len(before)]
        await shelf.blobs.put(key, b"after")
    assert (await shelf.blobs.get(key)).data == b"after"


@replaces
async def test_fault_of_a_put_whose_connection_is_cut_nothing_is_there(shelf: Shelf, replaces: bool) -> None:
    key, before = shelf.key("a.mp4"), b"before" if replaces else None
    if before is not None:
        await shelf.blobs.put(key, before)
    async with half_way() as (way, bucket):
        far = in_bucket(bucket, read_s=PATIENCE_S, write_s=PATIENCE_S)
        async with aclosing(Blobs(far)) as blobs:
            putting = asyncio.ensure_future(blobs.put(key, bytes(WHOLE), replace=replaces))
            await asyncio.wait_for(way.stuck.wait(), PATIENCE_S)
            assert not putting.done()
            way.cut()
            with pytest.raises(Unavailable):
                await putting
    await nothing_is_there(shelf, key, before=before)


@replaces
async def test_fault_of_a_writer_that_is_killed_nothing_is_there(
    shelf: Shelf, replaces: bool, tmp_path: Path
) -> None:
    key, before = shelf.key("a.mp4"), b"before" if replaces else None
    source = tmp_path / "upload"
    source.write_bytes(bytes(WHOLE))
    if before is not None:
        await shelf.blobs.put(key, before)
    async with half_way() as (way, bucket):
        told = {
            "NOVA_S3_URL": bucket.url.reveal(),
            "NOVA_S3_ACCESS_KEY": bucket.access_key.reveal(),
            "NOVA_S3_SECRET_KEY": bucket.secret_key.reveal(),
        }
        ours = {name: value for name, value in os.environ.items() if not name.startswith("NOVA_")}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITER, key, str(source), str(replaces), env={**ours, **told}
        )
        await asyncio.wait_for(way.stuck.wait(), PATIENCE_S)
        process.kill()
        await process.wait()
    await nothing_is_there(shelf, key, before=before)
