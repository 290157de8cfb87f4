"""What is S3's own: the types that it keeps, whom it lets in, and a server that hangs, or is killed and comes back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from functools import partial

import obstore
import pytest

from nova.platform.blobs import BlobExists, BlobNotFound, Blobs, BlobsRefused, NoBucket
from nova.platform.engine_knobs import BucketUrl
from nova.platform.errors import Timeout, Unavailable
from nova.platform.knobs import Secret
from nova.platform.object_store import Bucket, Store, in_bucket
from tests.contract.conftest import PATIENCE_S, Shelf
from tests.own_engine import OwnEngine
from tests.real import on_s3, real_bucket
from tests.waiting import running, until

# A server takes seconds to start, and this one does so twice.
pytestmark = [on_s3, pytest.mark.timeout(400)]
OBJECTS = 40
BIG = 6 << 20


@pytest.fixture(scope="module")
async def engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OwnEngine]:
    engine = OwnEngine("s3", tmp_path_factory.mktemp("s3"), port=60, fetched=None)
    await engine.start()
    yield engine
    engine.kill()


@pytest.fixture
def bucket(engine: OwnEngine) -> Bucket:
    return real_bucket(engine.variables)


@pytest.fixture
def store(bucket: Bucket) -> Store:
    return in_bucket(bucket, read_s=PATIENCE_S, write_s=PATIENCE_S)


async def test_an_object_has_its_type_in_the_bucket_too(store: Store, shelf: Shelf) -> None:
    """Who reads it past Nova, such as a network of caches, is told what browsers are told."""
    await shelf.blobs.put(shelf.key("1.webp"), b"1")
    await shelf.blobs.put(shelf.key("2.m3u8"), b"1", replace=False)
    await shelf.blobs.put(shelf.key("3.mp4"), bytes(BIG))
    kept = {
        name: obstore.get(store.reads, shelf.key(name)).attributes for name in ("1.webp", "2.m3u8", "3.mp4")
    }
    assert {name: attributes["Content-Type"] for name, attributes in kept.items()} == {
        "1.webp": "image/webp",
        "2.m3u8": "application/vnd.apple.mpegurl",
        "3.mp4": "video/mp4",
    }


@pytest.mark.parametrize("wrong", ["access_key", "secret_key"])
async def test_who_has_the_wrong_keys_is_refused_and_told_which(bucket: Bucket, wrong: str) -> None:
    mine = Secret("not-the-one-that-it-knows")
    theirs = replace(bucket, access_key=mine) if wrong == "access_key" else replace(bucket, secret_key=mine)
    async with aclosing(Blobs.s3(theirs)) as blobs:
        for asking in (
            blobs.put("a/1.bin", b"1"),
            blobs.put("a/1.bin", b"1", replace=False),
            blobs.get("a/1.bin"),
            blobs.get_range("a/1.bin", 0, 1),
            blobs.head("a/1.bin"),
            blobs.delete("a/1.bin"),
            blobs.list("a"),
            blobs.reach(),
        ):
            with pytest.raises(BlobsRefused, match="NOVA_S3_ACCESS_KEY") as refused:
                await asking
            assert mine.reveal() not in str(refused.value)


async def test_a_bucket_that_is_not_there_is_said(engine: OwnEngine, bucket: Bucket) -> None:
    """To who may know it: others are refused."""
    nowhere = replace(
        bucket,
        url=BucketUrl(bucket.url.reveal() + "-no"),
        access_key=Secret("administrator"),
        secret_key=Secret(engine.secret("s3-administrator")),
    )
    async with aclosing(Blobs.s3(nowhere)) as blobs:
        for asking in (blobs.reach(), blobs.get("a/1.bin"), blobs.list("a")):
            with pytest.raises(NoBucket, match="NOVA_S3_URL"):
                await asking
        # S3 answers this one without a word.
        with pytest.raises(BlobNotFound):
            await blobs.head("a/1.bin")


async def test_fault_a_server_that_hangs_holds_nobody_up_for_long(engine: OwnEngine, bucket: Bucket) -> None:
    blobs = Blobs(in_bucket(bucket, read_s=2.0, write_s=2.0))
    await blobs.put("hang/1.bin", b"1")
    with engine.frozen():
        await until(partial(hangs, blobs), within_s=PATIENCE_S)
        async with asyncio.timeout(PATIENCE_S):
            outcomes = await asyncio.gather(
                blobs.put("hang/1.bin", b"2"),
                blobs.put("hang/2.bin", b"2", replace=False),
                blobs.delete("hang/3.bin"),
                blobs.get("hang/1.bin"),
                blobs.get_range("hang/1.bin", 0, 1),
                blobs.head("hang/1.bin"),
                blobs.list("hang"),
                *(blobs.get("hang/1.bin") for _ in range(40)),
                return_exceptions=True,
            )
        assert {type(outcome) for outcome in outcomes} == {Timeout}
        with pytest.raises(Unavailable):
            await blobs.get("hang/1.bin")
        # The requests have been given up too, so that no thread waits for the server.
        async with asyncio.timeout(20):
            await blobs.aclose()
    async with aclosing(Blobs.s3(bucket)) as again:
        await until(partial(taken, again, "hang/4.bin", b"4"), within_s=PATIENCE_S)
        # What had been sent may be done by now, whole, or not.
        assert (await again.get("hang/1.bin")).data in {b"1", b"2"}


async def test_fault_a_server_that_is_killed_and_comes_back_has_all_that_it_took(
    engine: OwnEngine, bucket: Bucket
) -> None:
    kept: dict[str, bytes] = {}
    halfway, done = asyncio.Event(), asyncio.Event()
    fails = 0

    async def write() -> None:
        """Put objects, small and big, made and replaced; one that is not taken is put again."""
        nonlocal fails
        for number in range(OBJECTS):
            key, data = (
                f"kill/{number:02}.bin",
                bytes([number]) * (BIG if number % 8 == 0 else 20_000 * number),
            )
            while not await taken(blobs, key, data, makes=number % 2 == 1):
                fails += 1
            kept[key] = data
            if number == OBJECTS // 2:
                halfway.set()
        done.set()

    async def read() -> None:
        """Read what was taken, again and again: it is as it was, or the store says that it cannot."""
        while True:
            for key, data in tuple(kept.items()):
                assert await reads(blobs, key, data)
            await asyncio.sleep(0)

    async with aclosing(Blobs.s3(bucket)) as blobs, running(write(), read()):
        await asyncio.wait_for(halfway.wait(), 120)
        engine.kill()
        await engine.start()
        await until(done.is_set, within_s=200)
    assert fails > 0
    # Somebody new, who has not been turned away: what was read at last may have opened the breaker.
    async with aclosing(Blobs.s3(bucket)) as again:
        for key, data in kept.items():
            assert (await again.get(key)).data == data
        assert [info.key for info in await again.list("kill")] == sorted(kept)


async def hangs(blobs: Blobs) -> bool:
    """Return whether it does by now: what it had in hand when it was stopped it may have answered."""
    try:
        await blobs.get("hang/1.bin")
    except Timeout:
        return True
    return False


async def taken(blobs: Blobs, key: str, data: bytes, *, makes: bool = False) -> bool:
    """Put an object; return whether the store says that it has it. One that says that it has had it, has it so."""
    try:
        await blobs.put(key, data, replace=not makes)
    except BlobExists:
        return (await blobs.get(key)).data == data
    except (Unavailable, Timeout):
        await asyncio.sleep(0.05)
        return False
    return True


async def reads(blobs: Blobs, key: str, data: bytes) -> bool:
    try:
        return (await blobs.get(key)).data == data
    except (Unavailable, Timeout):
        await asyncio.sleep(0.05)
        return True
