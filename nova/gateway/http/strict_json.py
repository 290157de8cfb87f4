"""JSON as RFC 8259 means it, and nothing that two readers could understand differently (RFC 7493, I-JSON).

Refused: anything but UTF-8, NaN and infinities, duplicate members, lone surrogates, NUL, nesting past 64.
"""

import json
import re
from typing import Any, Final, NoReturn

import orjson

_DEEPEST: Final = 64
_OPENING: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]', re.DOTALL)
_ESCAPED_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class BadJson(ValueError):
    """The text is not JSON that we read; the message says what is wrong with it."""


def loads(body: bytes) -> Any:  # noqa: ANN401 - JSON is any of six types
    """Return the value of `body`; raises `BadJson`."""
    if _too_deep(body):
        raise BadJson(f"nested deeper than {_DEEPEST}")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadJson("not valid JSON in UTF-8") from None
    if b"\\u0000" in body and _ESCAPED_NUL.search(body):
        raise BadJson("a NUL character")
    # orjson keeps the last of two equal members; only the slower reader tells.
    try:
        _DECODER.decode(body.decode())
    except ValueError as error:
        raise BadJson(str(error)) from None
    return value


def _too_deep(body: bytes) -> bool:
    """Return whether the nesting passes the limit, without building anything."""
    if body.count(b"[") + body.count(b"{") <= _DEEPEST:
        return False
    depth = 0
    for match in _OPENING.finditer(body):
        token = match[0][:1]
        if token in b"[{":
            depth += 1
            if depth > _DEEPEST:
                return True
        elif token in b"]}":
            depth -= 1
    return False


def _members(pairs: list[tuple[str, object]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise BadJson("a member that appears twice")


def _no_constant(name: str) -> NoReturn:
    raise BadJson(f"{name}, which is no JSON")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_no_constant)
