"""The object store of a living world: its pictures are drawn when they are first asked for, and kept.

To draw them all beforehand would take a minute of every first start, for pictures that nobody may ever look at.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, Self

from nova.app.world.keys import UnknownPicture
from nova.app.world.painting.draw import Picture, draw
from nova.platform.blobs import BlobInfo, BlobNotFound, Blobs
from nova.platform.object_store import Store

FOLDER: Final = "media/"


class WorldBlobs(Blobs):
    """A store that asks `paint` for what is missing; whoever asks for the same picture meanwhile waits for the same."""

    def __init__(self, store: Store, *, paint: Callable[[str], Picture]) -> None:
        super().__init__(store)
        self._paint = paint
        self._drawing: dict[str, asyncio.Task[BlobInfo]] = {}

    @classmethod
    def of(cls, store: Store, *, seed: int) -> Self:
        """Return the store of a world: what is missing in `store` is drawn by its seed."""
        return cls(store, paint=partial(draw, seed=seed))

    async def aclose(self) -> None:
        """Let what is being drawn be finished, then end the threads."""
        await asyncio.gather(*self._drawing.values(), return_exceptions=True)
        await super().aclose()

    async def head(self, key: str) -> BlobInfo:
        """Return what is known of an object, drawn at this moment if need be; raises `BlobNotFound`."""
        try:
            return await super().head(key)
        except BlobNotFound:
            return await self._drawn(key)

    async def _drawn(self, key: str) -> BlobInfo:
        drawing = self._drawing.get(key)
        if drawing is None:
            drawing = self._drawing[key] = asyncio.create_task(self._draw(key), name=f"draw-{key}")
            drawing.add_done_callback(lambda _: self._drawing.pop(key, None))
        # One who asked and went away must not take the picture from the others who wait for it.
        return await asyncio.shield(drawing)

    async def _draw(self, key: str) -> BlobInfo:
        try:
            picture = await asyncio.to_thread(self._paint, key.removeprefix(FOLDER))
        except UnknownPicture as error:
            raise BlobNotFound from error
        return await self.put(key, picture.data)
