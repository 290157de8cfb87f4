"""What every object store promises, whichever engine keeps it."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore
import pytest

from nova.platform.blobs import BadKey, BlobExists, BlobNotFound, Blobs, RangeNotSatisfiable, content_type_of
from nova.platform.object_store import Store
from tests.contract.conftest import Shelf
from tests.waiting import running

BIG = 6 << 20
"""Bytes that the client sends in several parts, where it may."""
WRITERS = 4


@pytest.fixture
def blobs(shelf: Shelf) -> Blobs:
    return shelf.blobs


async def test_what_is_put_is_got_with_its_facts(shelf: Shelf, blobs: Blobs) -> None:
    put = await blobs.put(shelf.key("1.jpg"), b"hello")
    assert (put.key, put.size, put.content_type) == (shelf.key("1.jpg"), 5, "image/jpeg")
    assert put.etag.startswith('"')
    assert put.etag.endswith('"')
    assert abs(put.modified_at - datetime.now(UTC)) < timedelta(minutes=1)
    got = await blobs.get(shelf.key("1.jpg"))
    assert (got.data, got.start) == (b"hello", 0)
    (listed,) = await blobs.list(shelf.folder)
    for told in (got.info, await blobs.head(shelf.key("1.jpg")), listed):
        # Some tell the time to the second, and not everywhere.
        assert abs(told.modified_at - put.modified_at) < timedelta(seconds=1)
        assert (told.key, told.size, told.etag, told.content_type) == (
            put.key, put.size, put.etag, put.content_type,
        )  # fmt: skip


async def test_an_object_may_be_empty(shelf: Shelf, blobs: Blobs) -> None:
    assert (await blobs.put(shelf.key("a.bin"), b"")).size == 0
    assert (await blobs.get(shelf.key("a.bin"))).data == b""


@pytest.mark.parametrize("replace", [True, False])
async def test_a_file_is_put_as_its_content(
    shelf: Shelf, blobs: Blobs, tmp_path: Path, replace: bool
) -> None:
    source = tmp_path / "upload"
    source.write_bytes(bytes(range(256)) * (BIG // 256))
    assert (await blobs.put(shelf.key("1.mp4"), source, replace=replace)).size == BIG
    assert (await blobs.get(shelf.key("1.mp4"))).data == source.read_bytes()


async def test_a_put_replaces_unless_told_not_to(shelf: Shelf, blobs: Blobs) -> None:
    key = shelf.key("a.bin")
    first = await blobs.put(key, b"1")
    second = await blobs.put(key, b"22")
    assert first.etag != second.etag
    with pytest.raises(BlobExists):
        await blobs.put(key, b"3", replace=False)
    assert (await blobs.get(key)).data == b"22"
    await blobs.delete(key)
    await blobs.put(key, b"3", replace=False)
    assert (await blobs.get(key)).data == b"3"


@pytest.mark.parametrize(("rounds", "size"), [(25, 1_000), (3, BIG)], ids=["small", "big"])
async def test_x2_of_many_who_make_one_object_at_once_one_wins(
    shelf: Shelf, blobs: Blobs, rounds: int, size: int
) -> None:
    for number in range(rounds):
        key = shelf.key(f"{number}.bin")
        bodies = [bytes([writer]) * size for writer in range(WRITERS)]
        outcomes = await asyncio.gather(
            *(blobs.put(key, body, replace=False) for body in bodies), return_exceptions=True
        )
        won = [body for body, told in zip(bodies, outcomes, strict=True) if not isinstance(told, Exception)]
        assert [type(told) for told in outcomes if isinstance(told, Exception)] == [BlobExists] * (
            WRITERS - 1
        )
        assert [(await blobs.get(key)).data] == won


async def test_who_reads_what_is_written_over_reads_one_of_both(shelf: Shelf, blobs: Blobs) -> None:
    key = shelf.key("a.bin")

    async def write() -> None:
        writer = 0
        while True:
            writer = (writer + 1) % 100
            await blobs.put(key, bytes([writer]) * (BIG + writer))

    await blobs.put(key, bytes(BIG))
    async with running(write()) as (writing,):
        seen: set[int] = set()
        async with asyncio.timeout(100):
            while len(seen) < 4:
                part = await blobs.get(key)
                first = part.data[0]
                assert part.data == bytes([first]) * (BIG + first), "parts of two objects"
                assert part.info.size == len(part.data)
                seen.add(first)
                assert not writing.done()


async def test_ranges_end_with_the_object(shelf: Shelf, blobs: Blobs) -> None:
    key = shelf.key("a-range.bin")
    await blobs.put(key, b"0123456789")
    part = await blobs.get_range(key, 2, 5)
    assert (part.start, part.data, part.info.size) == (2, b"234", 10)
    assert (await blobs.get_range(key, 8, 100)).data == b"89"
    assert (await blobs.get_range(key, 9, 10)).data == b"9"
    for start, end in ((10, 11), (50, 60), (3, 3), (-1, 2)):
        with pytest.raises(RangeNotSatisfiable):
            await blobs.get_range(key, start, end)
    await blobs.put(key, b"")
    with pytest.raises(RangeNotSatisfiable):
        await blobs.get_range(key, 0, 1)


async def test_what_is_not_there_is_not_found(shelf: Shelf, blobs: Blobs) -> None:
    key = shelf.key("no.bin")
    for reading in (blobs.get(key), blobs.head(key), blobs.get_range(key, 0, 1)):
        with pytest.raises(BlobNotFound):
            await reading
    await blobs.reach()


async def test_deleting_is_done_twice_without_harm(shelf: Shelf, blobs: Blobs) -> None:
    await blobs.put(shelf.key("a.bin"), b"1")
    await blobs.put(shelf.key("b.bin"), b"1")
    await blobs.delete(shelf.key("no.bin"), shelf.key("a.bin"))
    await blobs.delete(shelf.key("a.bin"))
    with pytest.raises(BlobNotFound):
        await blobs.head(shelf.key("a.bin"))
    assert await shelf.keys() == [shelf.key("b.bin")]


async def test_a_folder_is_listed_in_order_and_in_pages(shelf: Shelf, blobs: Blobs) -> None:
    names = ["a-b/1.png", "a.png", "a/1.png", "a/b/2.png", "a0.png", "b.png", "b_c.png"]
    keys = [shelf.key(name) for name in names]
    assert keys == sorted(keys)
    await asyncio.gather(*[blobs.put(key, b"1") for key in reversed(keys)])
    other = f"{shelf.folder}-other/1.png"
    await blobs.put(other, b"1")
    first = await blobs.list(shelf.folder, most=4)
    assert [info.key for info in first] == keys[:4]
    assert [info.key for info in await blobs.list(shelf.folder, after=keys[3])] == keys[4:]
    assert await blobs.list(shelf.key("nothing")) == []
    await blobs.delete(other)


async def test_what_others_put_among_objects_is_passed_over(shelf: Shelf, blobs: Blobs, store: Store) -> None:
    """Such as the marks by which tools keep an empty folder, or somebody's notes."""
    others = [shelf.key(name) for name in ("README", "a.bin.part", "Notes.json")]
    for key in others:
        obstore.put(store.writes, key, b"1")
    await blobs.put(shelf.key("a.bin"), b"1")
    assert await shelf.keys() == [shelf.key("a.bin")]
    for key in others:
        obstore.delete(store.writes, key)


async def test_a_folder_of_more_than_a_page_is_listed_whole(shelf: Shelf, blobs: Blobs) -> None:
    """S3 tells a thousand at a time."""
    keys = [shelf.key(f"{number:04}.png") for number in range(1_010)]
    await asyncio.gather(*[blobs.put(key, b"") for key in keys[:500]])
    await asyncio.gather(*[blobs.put(key, b"") for key in keys[500:]])
    assert [info.key for info in await blobs.list(shelf.folder, most=2_000)] == keys
    assert len(await blobs.list(shelf.folder)) == 1_000
    for part in (keys[:500], keys[500:]):
        await asyncio.gather(*[blobs.delete(key) for key in part])


@pytest.mark.parametrize(
    "key",
    [
        "", "a", "/a.png", "a//b.png", "../a.png", "a/../b.png", "a/./b.png", "a.svg", "a.html", "a.pdf", "a.PNG",
        "a b.png", "a\0.png", "a%2fb.png", "a.png/", ".png", "x" * 600 + ".png", "a.png.svg", "é.png", "a.png\n",
    ],
)  # fmt: skip
async def test_m5_a_key_is_nothing_but_a_key(blobs: Blobs, key: str) -> None:
    with pytest.raises(BadKey):
        await blobs.put(key, b"1")
    with pytest.raises(BadKey):
        await blobs.get(key)
    with pytest.raises(BadKey):
        await blobs.delete(key)


@pytest.mark.parametrize("prefix", ["", "..", "/", "a/", "a/../b"])
async def test_m5_a_prefix_is_nothing_but_a_folder(blobs: Blobs, prefix: str) -> None:
    with pytest.raises(BadKey):
        await blobs.list(prefix)


def test_m4_active_content_has_no_type() -> None:
    assert content_type_of("a/b.m3u8") == "application/vnd.apple.mpegurl"
    for extension in ("svg", "html", "xhtml", "js", "pdf", "swf"):
        with pytest.raises(BadKey):
            content_type_of(f"a.{extension}")


async def test_a_hundred_at_once_all_arrive(shelf: Shelf, blobs: Blobs) -> None:
    keys = [shelf.key(f"{number}.bin") for number in range(100)]
    await asyncio.gather(*[blobs.put(key, key.encode()) for key in keys])
    parts = await asyncio.gather(*[blobs.get(key) for key in keys])
    assert [part.data for part in parts] == [key.encode() for key in keys]
