"""Pictures are drawn when they are first asked for: once, whoever asks, and only those of this world."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nova.app.world.blobs import WorldBlobs
from nova.app.world.keys import AvatarKey, UnknownPicture, avatar_key
from nova.app.world.painting.draw import Picture
from nova.platform.blobs import BlobNotFound
from nova.platform.object_store import in_folder
from tests.unit.app.world.conftest import SEED
from tests.waiting import until

KEY = "media/world/avatars/ada.webp"


class Painter:
    """Counts what it is asked for, and paints when it is let."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may_paint = threading.Event()
        self.may_paint.set()

    def __call__(self, key: str) -> Picture:
        self.asked.append(key)
        self.may_paint.wait(timeout=10)
        if "ada" not in key:
            raise UnknownPicture(key)
        return Picture(b"painted", "image/webp", 256, 256)


@pytest.fixture
def painter() -> Painter:
    return Painter()


@pytest.fixture
async def blobs(tmp_path: Path, painter: Painter) -> AsyncIterator[WorldBlobs]:
    store = WorldBlobs(in_folder(tmp_path), paint=painter)
    yield store
    painter.may_paint.set()
    await store.aclose()


async def test_a_missing_picture_is_drawn_kept_and_read_back(blobs: WorldBlobs, painter: Painter) -> None:
    assert (await blobs.head(KEY)).size == len(b"painted")
    assert (await blobs.get_range(KEY, 0, 100)).data == b"painted"
    await blobs.head(KEY)
    assert painter.asked == ["world/avatars/ada.webp"]


async def test_many_who_ask_at_once_wait_for_one_drawing(blobs: WorldBlobs, painter: Painter) -> None:
    painter.may_paint.clear()
    asking = [asyncio.ensure_future(blobs.head(KEY)) for _ in range(8)]
    await until(lambda: len(painter.asked) == 1)
    asking[0].cancel()
    painter.may_paint.set()
    answers = await asyncio.gather(*asking[1:])
    assert {answer.size for answer in answers} == {len(b"painted")}
    assert len(painter.asked) == 1


async def test_a_picture_of_no_world_is_not_found(blobs: WorldBlobs) -> None:
    with pytest.raises(BlobNotFound):
        await blobs.head("media/world/avatars/eve.webp")


async def test_the_store_of_a_world_draws_its_own_pictures_only(tmp_path: Path) -> None:
    store = WorldBlobs.of(in_folder(tmp_path / "blobs"), seed=SEED)
    info = await store.head("media/" + avatar_key(AvatarKey("ada", 0x123), SEED))
    assert info.content_type == "image/webp"
    with pytest.raises(BlobNotFound):
        await store.head("media/" + avatar_key(AvatarKey("ada", 0x123), SEED + 1))
    await store.aclose()
