"""What is a folder's own: a disk that cannot be written, or hangs, and a process that ends or is killed in a put."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from pathlib import Path

import pytest

from nova.platform.blobs import BlobNotFound, Blobs
from nova.platform.errors import Timeout, Unavailable
from nova.platform.object_store import in_folder
from nova.platform.resilience import CircuitOpen
from tests.waiting import until

WRITER = """
import asyncio, pathlib, sys
from nova.platform.blobs import Blobs
async def main(folder, key, source, replace):
    await Blobs.local(pathlib.Path(folder)).put(key, pathlib.Path(source), replace=replace == "True")
asyncio.run(main(*sys.argv[1:]))
"""
ROUNDS = 8
BIG = 128 << 20


@pytest.fixture
async def blobs(tmp_path: Path) -> AsyncIterator[Blobs]:
    store = Blobs.local(tmp_path / "objects")
    yield store
    await store.aclose()


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
    monkeypatch.setattr("nova.platform.blobs.obstore.get", lambda *_, **__: over.wait())
    async with aclosing(Blobs(in_folder(tmp_path, read_s=0.1))) as blobs:
        try:
            outcomes = await asyncio.gather(*(blobs.get("a.bin") for _ in range(10)), return_exceptions=True)
            assert {type(outcome) for outcome in outcomes} == {Timeout}
            with pytest.raises(CircuitOpen):
                await blobs.get("a.bin")
            # Writes do not wait behind reads that hang.
            async with asyncio.timeout(20):
                await blobs.put("a.bin", b"1")
        finally:
            over.set()


async def test_fault_of_a_writer_that_is_killed_in_a_put_nothing_is_there(
    blobs: Blobs, tmp_path: Path
) -> None:
    source, objects = tmp_path / "upload", tmp_path / "objects"
    source.touch()
    os.truncate(source, BIG)
    torn = 0
    for number in range(ROUNDS):
        key, replace = f"n{number}/a.bin", number % 2 == 0
        if replace:
            await blobs.put(key, b"before")
        if await killed_in_a_put(objects, key, source, replace=replace):
            torn += 1
            await nothing_is_there(blobs, key, before=b"before" if replace else None)
        else:
            assert (await blobs.head(key)).size == BIG
    assert torn, "each of them had put all before it was killed"


async def killed_in_a_put(objects: Path, key: str, source: Path, *, replace: bool) -> bool:
    """Have a process put `source`, and kill it in the middle; return whether that was before the object was there."""
    command = (sys.executable, "-c", WRITER, str(objects), key, str(source), str(replace))
    process = await asyncio.create_subprocess_exec(*command)
    place = objects / key

    def begun() -> bool:
        drafts = [file for file in place.parent.glob("*") if file != place]
        return process.returncode is not None or any(file.stat().st_size for file in drafts)

    with suppress(FileNotFoundError):  # a draft became the object in between
        await until(begun, within_s=60, every_s=0.0005)
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)
    await process.wait()
    return not place.exists() or place.stat().st_size != BIG


async def nothing_is_there(blobs: Blobs, key: str, *, before: bytes | None) -> None:
    """What was there before still is, nothing is listed but that, and the key can be had."""
    folder = key.partition("/")[0]
    if before is None:
        with pytest.raises(BlobNotFound):
            await blobs.get(key)
        assert await blobs.list(folder) == []
        await blobs.put(key, b"after", replace=False)
    else:
        assert (await blobs.get(key)).data == before
        assert [info.size for info in await blobs.list(folder)] == [len(before)]
        await blobs.put(key, b"after")
    assert (await blobs.get(key)).data == b"after"


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
