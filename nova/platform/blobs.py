"""Objects by key, in a folder of this machine or in a bucket of S3.

The type of an object is said by its key: a folder keeps no attributes, and a type that cannot be set apart from
the name cannot disagree with it. Keys are made by Nova, never from names that users send.

obstore's synchronous calls run in threads of their own: its asynchronous ones may abort the interpreter at exit.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import ObjectStore

from nova.platform.clock import SystemClock
from nova.platform.errors import Conflict, InvalidArgument, NotFound, NovaError, Unavailable
from nova.platform.object_store import Bucket, Store, in_bucket, in_folder
from nova.platform.resilience import CallPolicy

if TYPE_CHECKING:
    from obstore import Attributes  # obstore has it for the type checker alone

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
_NOBODYS_KEY = "nobody-has-this.bin"
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


class BlobsRefused(Unavailable):
    """The object store does not accept the keys of NOVA_S3_ACCESS_KEY, or does not let them do this."""


class NoBucket(Unavailable):
    """There is no such bucket as NOVA_S3_URL names: make it first."""


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
    if not _is_key(key):
        raise BadKey
    return CONTENT_TYPES[key.rpartition(".")[2]]


def _is_key(text: str) -> bool:
    match = _KEY.fullmatch(text)
    return match is not None and len(text) <= _LONGEST_KEY and match[1] in CONTENT_TYPES


class Blobs:
    """One object store. A put is whole or not at all; a caller that is cancelled leaves its thread to finish.

    All raise `Unavailable` and `Timeout`: then a put, and a delete, may have been done or not. A disk that is full goes
    on being read.
    """

    def __init__(self, store: Store) -> None:
        self._reads = _Way("blobs-reads", store.reads, store.threads, timeout_s=store.read_s)
        self._writes = _Way("blobs-writes", store.writes, store.threads, timeout_s=store.write_s)
        self._keeps_types = store.keeps_types

    @classmethod
    def local(cls, folder: Path) -> "Blobs":
        """Return a store in `folder`, which is made where it is missing."""
        return cls(in_folder(folder))

    @classmethod
    def s3(cls, bucket: Bucket) -> "Blobs":
        """Return a store in a bucket of S3; it is reached when it is first asked."""
        return cls(in_bucket(bucket))

    async def aclose(self) -> None:
        """Wait for what is being read and written, and end the threads."""
        await asyncio.gather(self._reads.aclose(), self._writes.aclose())

    async def reach(self) -> None:
        """Return if the store answers and lets us read, whatever it holds; else raise what keeps it from that."""
        with suppress(BlobNotFound):
            await self.get(_NOBODYS_KEY)

    async def put(self, key: str, data: bytes | Path, *, replace: bool = True) -> BlobInfo:
        """Keep bytes, or the content of a file, under `key`; raises `BlobExists` when it may not replace."""
        content_type_of(key)
        return await self._writes.do(lambda store: self._put(store, key, data, replace=replace))

    async def get(self, key: str) -> BlobPart:
        """Return the whole object; raises `BlobNotFound`."""
        content_type_of(key)
        return await self._read(lambda store: _get(store, key, None))

    async def get_range(self, key: str, start: int, end: int) -> BlobPart:
        """Return the bytes from `start` up to `end`, or up to the end of the object when that is sooner.

        Raises `BlobNotFound`, and `RangeNotSatisfiable` when there is no byte to return.
        """
        content_type_of(key)
        if not 0 <= start < end:
            raise RangeNotSatisfiable
        return await self._read(lambda store: _get(store, key, (start, end)))

    async def head(self, key: str) -> BlobInfo:
        """Return what is known of an object; raises `BlobNotFound`."""
        content_type_of(key)
        return await self._read(lambda store: _info(obstore.head(store, key)))

    async def delete(self, *keys: str) -> None:
        """Delete objects; those that are not there are passed over."""
        for key in keys:
            content_type_of(key)
        await self._writes.do(lambda store: _delete(store, keys))

    async def list(self, prefix: str, *, after: str | None = None, most: int = 1_000) -> Sequence[BlobInfo]:
        """Return objects of the folder `prefix`, at most `most` in the order of keys, those after `after`.

        What others have put there under a name that is no key of ours is passed over.
        """
        if _PREFIX.fullmatch(prefix) is None:
            raise BadKey(f"{prefix!r} is no folder of objects.")
        return await self._read(lambda store: _list(store, prefix, after, most))

    async def _read(self, work: Callable[[ObjectStore], T]) -> T:
        return await self._reads.do(work, idempotent=True)

    def _put(self, store: ObjectStore, key: str, data: bytes | Path, *, replace: bool) -> BlobInfo:
        mode: Literal["overwrite", "create"] = "overwrite" if replace else "create"
        attributes: Attributes | None = {"Content-Type": content_type_of(key)} if self._keeps_types else None
        obstore.put(store, key, data, attributes=attributes, mode=mode)
        return _info(obstore.head(store, key))


class _Way:
    """The way to a store that reads take, or writes, in threads of its own: the ones do not wait behind the others."""

    def __init__(self, name: str, store: ObjectStore, threads: int, *, timeout_s: float) -> None:
        self._store = store
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._policy = CallPolicy(name, clock=SystemClock(), timeout_s=timeout_s, max_concurrent=_AT_ONCE)

    async def do(self, work: Callable[[ObjectStore], T], *, idempotent: bool = False) -> T:
        return await self._policy.call(lambda: self._run(work), idempotent=idempotent)

    async def aclose(self) -> None:
        await asyncio.to_thread(self._threads.shutdown)

    async def _run(self, work: Callable[[ObjectStore], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, _typed, work, self._store)


def _get(store: ObjectStore, key: str, span: tuple[int, int] | None) -> BlobPart:
    try:
        found = obstore.get(store, key, options={"range": span} if span else None)
    except BaseError as error:
        if span is not None and _is_about_the_range(error) and span[0] >= obstore.head(store, key)["size"]:
            raise RangeNotSatisfiable from error
        raise
    return BlobPart(info=_info(found.meta), start=found.range[0], data=bytes(found.bytes()))


def _delete(store: ObjectStore, keys: Sequence[str]) -> None:
    for key in keys:
        try:
            obstore.delete(store, key)
        except FileNotFoundError:
            continue


def _list(store: ObjectStore, prefix: str, after: str | None, most: int) -> Sequence[BlobInfo]:
    # A folder lists in no order, and not every bucket in that of keys: all is read before the page is cut.
    listed = [meta for page in obstore.list(store, prefix) for meta in page]
    found = {meta["path"]: meta for meta in listed if after is None or meta["path"] > after}
    return [_info(found[key]) for key in sorted(filter(_is_key, found))[:most]]


def _info(meta: "obstore.ObjectMeta") -> BlobInfo:
    return BlobInfo(
        key=meta["path"],
        size=meta["size"],
        etag=meta["e_tag"] or "",
        content_type=content_type_of(meta["path"]),
        modified_at=meta["last_modified"],
    )


def _typed(work: Callable[[ObjectStore], T], store: ObjectStore) -> T:
    """Run one piece of work in its thread, with obstore's errors turned into ours."""
    try:
        return work(store)
    except (BaseError, OSError) as error:
        raise _ours(error) from error


def _ours(error: Exception) -> NovaError:
    """Return what an error of obstore means here; some it tells apart by what the store has answered alone."""
    said = str(error)
    if "<Code>NoSuchBucket</Code>" in said:
        return NoBucket()
    if isinstance(error, FileNotFoundError):
        return BlobNotFound()
    # 409: S3 does not know yet which of two writers wins, and has both try again.
    if isinstance(error, AlreadyExistsError) and "status code: 409" not in said:
        return BlobExists()
    if isinstance(error, PermissionDeniedError | UnauthenticatedError) or "status code: 403" in said:
        return BlobsRefused()
    return Unavailable("The object store cannot do that now: try again.")


def _is_about_the_range(error: BaseError) -> bool:
    """Return whether it may be, so that it is worth to ask how long the object is (RFC 9110, 15.5.17)."""
    return "range" in str(error).lower()
