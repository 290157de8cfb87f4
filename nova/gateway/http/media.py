"""GET /media/…: objects of the store's `media/` folder, with ranges, ETags and caching for ever (RFC 9110, 14).

An object never changes under its key, so whoever has it need not ask again. The type is the store's, never the
uploader's, and browsers are told not to guess another.
"""

import re
from collections.abc import AsyncIterator
from typing import Final

from nova.gateway.http.request import Request
from nova.gateway.http.response import Refused, Response
from nova.platform.blobs import BadKey, BlobInfo, Blobs
from nova.platform.errors import NotFound

PREFIX: Final = "/media/"
FOLDER: Final = "media/"
_PART_BYTES: Final = 256 << 10
_FOREVER: Final = "public, max-age=31536000, immutable"
_RANGE: Final = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


class MediaRoute:
    """The handler of everything under /media/."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    async def __call__(self, request: Request) -> Response:
        """Return an object, or the part of it that was asked for."""
        try:
            info = await self._blobs.head(FOLDER + request.path.removeprefix(PREFIX))
        except (NotFound, BadKey):
            raise Refused(404, "There is nothing here.") from None
        headers = {
            "etag": info.etag,
            "cache-control": _FOREVER,
            "accept-ranges": "bytes",
            "cross-origin-resource-policy": "cross-origin",
        }
        if _matches(request.headers.get("if-none-match"), info.etag):
            return Response(304, headers=headers)
        start, end = _span(request, info)
        headers["content-length"] = str(end - start)
        response = Response(content_type=info.content_type, headers=headers)
        if (start, end) != (0, info.size):
            response.status = 206
            headers["content-range"] = f"bytes {start}-{end - 1}/{info.size}"
        response.stream = self._parts(info.key, start, end)
        return response

    async def _parts(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        while start < end:
            part = await self._blobs.get_range(key, start, min(start + _PART_BYTES, end))
            start += len(part.data)
            yield part.data


def _matches(header: str | None, etag: str) -> bool:
    """Return whether If-None-Match names this object; weak and strong tags compare alike here."""
    if header is None:
        return False
    return header.strip() == "*" or etag in {tag.strip().removeprefix("W/") for tag in header.split(",")}


def _span(request: Request, info: BlobInfo) -> tuple[int, int]:
    """Return the first byte and the one after the last; several ranges, or a stale If-Range, mean all of it."""
    whole = (0, info.size)
    asked = request.headers.get("range")
    fresh = request.headers.get("if-range", info.etag) == info.etag
    match = _RANGE.fullmatch(asked) if asked and fresh and request.method == "GET" else None
    if match is None or not (match[1] or match[2]):
        return whole
    if not match[1]:
        start, end = max(info.size - int(match[2]), 0), info.size
    else:
        start = int(match[1])
        end = min(int(match[2]) + 1, info.size) if match[2] else info.size
        if match[2] and int(match[2]) < start:
            return whole
    if start >= info.size or start >= end:
        raise Refused(416, "The object ends before that.", headers={"content-range": f"bytes */{info.size}"})
    return start, end
