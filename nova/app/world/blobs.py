"""The object store of a living world: its pictures are drawn when they are first asked for, and kept.

To draw them all beforehand would take a minute of every first start, for pictures that nobody may ever look at.
"""

import asyncio
from collections import defaultdict
from pathlib import Path
from typing import Final, Self

from obstore.store import LocalStore

from nova.app.world.keys import UnknownPicture
from nova.app.world.pictures.draw import draw
from nova.platform.blobs import BlobInfo, BlobNotFound, Blobs

FOLDER: Final = "media/"


class WorldBlobs(Blobs):
    """A store in a local folder that can draw what is missing."""

    _seed: int
    _drawing: defaultdict[str, asyncio.Lock]

    @classmethod
    def of(cls, folder: Path, *, seed: int) -> Self:
        """Return the store of a data folder's world."""
        folder.mkdir(parents=True, exist_ok=True)
        store = cls(LocalStore(folder))
        store._seed = seed
        store._drawing = defaultdict(asyncio.Lock)
        return store

    async def head(self, key: str) -> BlobInfo:
        """Return what is known of an object, drawn at this moment if need be; raises `BlobNotFound`."""
        try:
            return await super().head(key)
        except BlobNotFound:
            return await self._drawn(key)

    async def _drawn(self, key: str) -> BlobInfo:
        try:
            async with self._drawing[key]:
                picture = await asyncio.to_thread(draw, key.removeprefix(FOLDER), self._seed)
                return await self.put(key, picture.data)
        except UnknownPicture as error:
            raise BlobNotFound from error
        finally:
            self._drawing.pop(key, None)
