"""Objects by key: a local folder now, behind an interface that S3 and GCS fit.

The type of an object is said by its key: a folder keeps no attributes, and a type that cannot be set apart from
the name cannot disagree with it. Keys are made by Nova, never from names that users send.

obstore's synchronous calls run in threads of their own: its asynchronous ones may abort the interpreter at exit.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, ObjectStore

from nova.platform.clock import SystemClock
from nova.platform.errors import Conflict, InvalidArgument, NotFound, Unavailable
from nova.platform.resilience import CallPolicy

T = TypeVar("T")

CONTENT_TYPES = {
    "avif": "image/avif", "gif": "image/gif", "jpg": "image/jpeg", "png": "image/png", "webp": "image/webp",
    "mp4": "video/mp4", "m4s": "video/iso.segment", "m4a": "audio/mp4", "ts": "video/mp2t",
    "m3u8": "application/vnd.apple.mpegurl", "mpd": "application/dash+xml", "vtt": "text/vtt",
    "json": "application/json", "ndjson": "application/x-ndjson", "zip": "application/zip",
    "bin": "application/octet-stream",
}  # fmt: skip
"""What may be kept, by extension (IANA media types; RFC 8216 for HLS). SVG, HTML and PDF are not among them."""

_KEY = re.compile(r"(?:[a-z0-9][a-z0-9_-]*/)*[a-z0-9][a-z0-9_-]*\.([a-z0-9]+)")
_PREFIX = re.compile(r"[a-z0-9][a-z0-9_-]*(?:/[a-z0-9][a-z0-9_-]*)*")
_LONGEST_KEY = 512
_THREADS = 4
_READ_S = 5.0
_WRITE_S = 30.0
_AT_ONCE = 1_000
"""How many may wait for a thread: more than a store that lives ever has, and fewer than fill the memory."""


class BlobNotFound(NotFound):
    """There is no object with this key."""


class BlobExists(Conflict):
    """There is an object with this key already."""


class BadKey(InvalidArgument):
    """A key is lower-case letters, digits, `_`, `-` and `/`, with the extension of a known type."""


class RangeNotSatisfiable(InvalidArgument):
    """The object ends before the range begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobInfo:
    """What is known of an object without reading it. `size` is in bytes; `etag` is quoted, as HTTP sends it."""

    key: str
    size: int
    etag: str
    content_type: str
    modified_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobPart:
    """The bytes from `start` on, with the facts of the whole object as they were at that moment."""

    info: BlobInfo
    start: int
    data: bytes


def content_type_of(key: str) -> str:
    """Return the media type that a key says; raises `BadKey`."""
    match = _KEY.fullmatch(key)
    if match is None or len(key) > _LONGEST_KEY or match[1] not in CONTENT_TYPES:
        raise BadKey
    return CONTENT_TYPES[match[1]]


class Blobs:
    """One object store. A put is whole or not at all; a caller that is cancelled leaves its thread to finish.

    All raise `Unavailable` and `Timeout`. A disk that is full goes on being read.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="blobs")
        clock = SystemClock()
        self._reads = CallPolicy("blobs-reads", clock=clock, timeout_s=_READ_S, max_concurrent=_AT_ONCE)
        self._writes = CallPolicy("blobs-writes", clock=clock, timeout_s=_WRITE_S, max_concurrent=_AT_ONCE)

    @classmethod
    def local(cls, folder: Path) -> "Blobs":
        """Return a store in `folder`, which is made where it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        return cls(LocalStore(folder))

    async def aclose(self) -> None:
        """Wait for what is being read and written, and end the threads."""
        await asyncio.to_thread(self._threads.shutdown)

    async def put(self, key: str, data: bytes | Path, *, replace: bool = True) -> BlobInfo:
        """Keep bytes, or the content of a file, under `key`; raises `BlobExists` when it may not replace."""
        content_type_of(key)
        return await self._written(lambda: self._put(key, data, replace=replace))

    async def get(self, key: str) -> BlobPart:
        """Return the whole object; raises `BlobNotFound`."""
        content_type_of(key)
        return await self._read(lambda: self._get(key, None))

    async def get_range(self, key: str, start: int, end: int) -> BlobPart:
        """Return the bytes from `start` up to `end`, or up to the end of the object when that is sooner.

        Raises `BlobNotFound`, and `RangeNotSatisfiable` when there is no byte to return.
        """
        content_type_of(key)
        if not 0 <= start < end:
            raise RangeNotSatisfiable
        return await self._read(lambda: self._get(key, (start, end)))

    async def head(self, key: str) -> BlobInfo:
        """Return what is known of an object; raises `BlobNotFound`."""
        content_type_of(key)
        return await self._read(lambda: self._info(obstore.head(self._store, key)))

    async def delete(self, *keys: str) -> None:
        """Delete objects; those that are not there are passed over."""
        for key in keys:
            content_type_of(key)
        await self._written(lambda: self._delete(keys))

    async def list(self, prefix: str, *, after: str | None = None, most: int = 1_000) -> Sequence[BlobInfo]:
        """Return objects of the folder `prefix`, at most `most` in the order of keys, those after `after`."""
        if _PREFIX.fullmatch(prefix) is None:
            raise BadKey(f"{prefix!r} is no folder of objects.")
        return await self._read(lambda: self._list(prefix, after, most))

    async def _read(self, work: Callable[[], T]) -> T:
        return await self._reads.call(lambda: self._run(work), idempotent=True)

    async def _written(self, work: Callable[[], T]) -> T:
        return await self._writes.call(lambda: self._run(work))

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, _typed, work)

    def _put(self, key: str, data: bytes | Path, *, replace: bool) -> BlobInfo:
        obstore.put(self._store, key, data, mode="overwrite" if replace else "create")
        return self._info(obstore.head(self._store, key))

    def _get(self, key: str, span: tuple[int, int] | None) -> BlobPart:
        if span is not None and span[0] >= obstore.head(self._store, key)["size"]:
            raise RangeNotSatisfiable
        found = obstore.get(self._store, key, options={"range": span} if span else None)
        return BlobPart(info=self._info(found.meta), start=found.range[0], data=bytes(found.bytes()))

    def _delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            try:
                obstore.delete(self._store, key)
            except FileNotFoundError:
                continue

    def _list(self, prefix: str, after: str | None, most: int) -> Sequence[BlobInfo]:
        # A folder lists in no order, so all of it is read before the page is cut.
        pages = obstore.list(self._store, prefix)
        found = [self._info(meta) for page in pages for meta in page if after is None or meta["path"] > after]
        return sorted(found, key=lambda info: info.key)[:most]

    def _info(self, meta: "obstore.ObjectMeta") -> BlobInfo:
        return BlobInfo(
            key=meta["path"],
            size=meta["size"],
            etag=meta["e_tag"] or "",
            content_type=content_type_of(meta["path"]),
            modified_at=meta["last_modified"],
        )


def _typed(work: Callable[[], T]) -> T:
    """Run one piece of work in its thread, with obstore's errors turned into ours."""
    try:
        return work()
    except FileNotFoundError as error:
        raise BlobNotFound from error
    except AlreadyExistsError as error:
        raise BlobExists from error
    except (BaseError, OSError) as error:
        raise Unavailable("The object store cannot do that now: try again.") from error
