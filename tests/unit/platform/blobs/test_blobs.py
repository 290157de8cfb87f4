"""Objects in a folder."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nova.platform.blobs import BadKey, BlobExists, BlobNotFound, Blobs, RangeNotSatisfiable, content_type_of
from nova.platform.errors import Timeout, Unavailable
from nova.platform.resilience import CircuitOpen


@pytest.fixture
async def blobs(tmp_path: Path) -> AsyncIterator[Blobs]:
    store = Blobs.local(tmp_path / "objects")
    yield store
    await store.aclose()


async def test_what_is_put_is_got_with_its_facts(blobs: Blobs) -> None:
    put = await blobs.put("media/ab/1.jpg", b"hello")
    assert (put.key, put.size, put.content_type) == ("media/ab/1.jpg", 5, "image/jpeg")
    assert put.etag.startswith('"')
    assert abs(put.modified_at - datetime.now(UTC)) < timedelta(minutes=1)
    got = await blobs.get("media/ab/1.jpg")
    assert (got.data, got.start, got.info) == (b"hello", 0, put)
    assert await blobs.head("media/ab/1.jpg") == put


async def test_a_file_is_put_as_its_content(blobs: Blobs, tmp_path: Path) -> None:
    source = tmp_path / "upload"
    source.write_bytes(b"x" * 3_000_000)
    assert (await blobs.put("video/1.mp4", source)).size == 3_000_000


async def test_a_put_replaces_unless_told_not_to(blobs: Blobs) -> None:
    first = await blobs.put("a.bin", b"1")
    second = await blobs.put("a.bin", b"22")
    assert first.etag != second.etag
    with pytest.raises(BlobExists):
        await blobs.put("a.bin", b"3", replace=False)
    assert (await blobs.get("a.bin")).data == b"22"


async def test_ranges_end_with_the_object(blobs: Blobs) -> None:
    await blobs.put("a.bin", b"0123456789")
    part = await blobs.get_range("a.bin", 2, 5)
    assert (part.start, part.data, part.info.size) == (2, b"234", 10)
    assert (await blobs.get_range("a.bin", 8, 100)).data == b"89"
    for start, end in ((10, 11), (50, 60), (3, 3), (-1, 2)):
        with pytest.raises(RangeNotSatisfiable):
            await blobs.get_range("a.bin", start, end)


async def test_what_is_not_there_is_not_found(blobs: Blobs) -> None:
    for reading in (blobs.get("no.bin"), blobs.head("no.bin"), blobs.get_range("no.bin", 0, 1)):
        with pytest.raises(BlobNotFound):
            await reading


async def test_deleting_is_done_twice_without_harm(blobs: Blobs) -> None:
    await blobs.put("a.bin", b"1")
    await blobs.delete("a.bin", "no.bin")
    await blobs.delete("a.bin")
    with pytest.raises(BlobNotFound):
        await blobs.head("a.bin")


async def test_a_folder_is_listed_in_order_and_in_pages(blobs: Blobs) -> None:
    keys = [f"m/{i:02}.png" for i in range(7)]
    await asyncio.gather(*[blobs.put(key, b"1") for key in reversed(keys)])
    await blobs.put("other/1.png", b"1")
    first = await blobs.list("m", most=4)
    assert [info.key for info in first] == keys[:4]
    assert [info.key for info in await blobs.list("m", after=keys[3])] == keys[4:]
    assert await blobs.list("nothing") == []


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


async def test_a_folder_that_cannot_be_written_is_unavailable(blobs: Blobs, tmp_path: Path) -> None:
    await blobs.put("a/b.bin", b"1")
    (tmp_path / "objects" / "c").write_bytes(b"in the way")
    with pytest.raises(Unavailable) as caught:
        await blobs.put("c/d.bin", b"1")
    assert str(tmp_path) not in caught.value.message


async def test_fault_a_disk_that_cannot_be_written_is_left_alone_and_goes_on_being_read(
    blobs: Blobs, tmp_path: Path
) -> None:
    await blobs.put("a/b.bin", b"1")
    (tmp_path / "objects" / "c").write_bytes(b"in the way")
    for refusal in [Unavailable] * 10 + [CircuitOpen]:
        with pytest.raises(Unavailable) as caught:
            await blobs.put("c/d.bin", b"1")
        assert type(caught.value) is refusal
    assert (await blobs.get("a/b.bin")).data == b"1"


async def test_fault_a_disk_that_hangs_holds_nobody_up_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    monkeypatch.setattr("nova.platform.blobs._READ_S", 0.1)
    monkeypatch.setattr("nova.platform.blobs.obstore.get", lambda *_, **__: over.wait())
    blobs = Blobs.local(tmp_path)
    outcomes = await asyncio.gather(*(blobs.get("a.bin") for _ in range(10)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {Timeout}
    with pytest.raises(CircuitOpen):
        await blobs.get("a.bin")
    over.set()
    await blobs.aclose()


async def test_a_hundred_at_once_all_arrive(blobs: Blobs) -> None:
    await asyncio.gather(*[blobs.put(f"n/{i}.bin", str(i).encode()) for i in range(100)])
    parts = await asyncio.gather(*[blobs.get(f"n/{i}.bin") for i in range(100)])
    assert [part.data for part in parts] == [str(i).encode() for i in range(100)]


def test_the_interpreter_ends_cleanly_after_use(tmp_path: Path) -> None:
    program = f"""
import asyncio, pathlib
from nova.platform.blobs import Blobs
async def main():
    blobs = Blobs.local(pathlib.Path({str(tmp_path)!r}))
    await asyncio.gather(*[blobs.put(f"{{i}}.bin", b"1") for i in range(20)])
asyncio.run(main())
"""
    for _ in range(10):
        subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
