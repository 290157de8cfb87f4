"""JSON as RFC 8259 means it, and nothing that two readers could understand differently (RFC 7493, I-JSON).

Refused: anything but UTF-8, NaN and infinities, duplicate members, lone surrogates, NUL, nesting past 64, and more
parts than a request can use, so that a megabyte of tiny values costs no more than a megabyte of text.
"""

import json
import re
from typing import Any, Final, NoReturn

import orjson

_DEEPEST: Final = 64
_MOST_PARTS: Final = 4_500
# A text (one without an end goes on to the last byte, so that each byte is read once), or what stands between values.
_PART: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{\]},]', re.DOTALL)
_NESTING: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_ESCAPED_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class BadJson(ValueError):
    """The text is not JSON that we read; the message says what is wrong with it."""


def loads(body: bytes) -> Any:  # noqa: ANN401 - JSON is any of six types
    """Return the value of `body`; raises `BadJson`."""
    _check_parts(body)
    # The slower reader comes first: only it tells of equal members, and orjson takes 12 MiB to say that one is broken.
    try:
        _DECODER.decode(body.decode())
        value = orjson.loads(body)
    except BadJson:
        raise
    except ValueError:
        raise BadJson("not valid JSON in UTF-8") from None
    if b"\\u0000" in body and _ESCAPED_NUL.search(body):
        raise BadJson("a NUL character")
    return value


def _check_parts(body: bytes) -> None:
    """Refuse what is nested too deeply or has too many parts, without building anything."""
    if body.count(b"[") + body.count(b"{") <= _DEEPEST and body.count(b",") <= _MOST_PARTS // 4:
        return
    depth = 0
    for count, match in enumerate(_PART.finditer(body)):
        if count >= _MOST_PARTS:
            raise BadJson(f"more than {_MOST_PARTS} parts")
        change = _NESTING.get(body[match.start()], 0)
        depth += change
        if change and depth > _DEEPEST:
            raise BadJson(f"nested deeper than {_DEEPEST}")


def _members(pairs: list[tuple[str, object]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise BadJson("a member that appears twice")


def _no_constant(name: str) -> NoReturn:
    raise BadJson(f"{name}, which is no JSON")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_no_constant)
