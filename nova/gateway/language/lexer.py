"""The tokens of a document, found by one expression: the library's lexer reads letter by letter."""

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Never

from graphql import GraphQLSyntaxError, Source
from graphql.language.block_string import dedent_block_string_lines

from nova.gateway.errors import QueryTooComplex

NAME: Final = 1
NUMBER: Final = 3
BLOCK: Final = 4
STRING: Final = 5
END: Final = 6
_STRAY: Final = 7

# What is ignored before a token, then the token; the number of the group is its kind. Punctuators, the second, are told
# by their text.
# Each text can be walked one way only: what may follow differs in its first letter. A possessive repeat says so, and
# keeps no way back in memory; but before Python 3.11.5 one of a group misses matches (CPython issue 106052).
_REST: Final = "*+" if sys.version_info >= (3, 11, 5) else "*"
_TOKEN: Final = re.compile(
    rf"(?:[ \t\n\r,\ufeff]++|#[^\n\r]*+){_REST}"
    r"(?:([A-Za-z_][A-Za-z0-9_]*+)"
    r"|([!$&()\[\]{}:=@|]|\.\.\.)"
    r"|(-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?(?![.0-9A-Za-z_]))"
    rf'|("""[^"\\]*+(?:(?:\\"""|\\(?!""")|"(?!""))[^"\\]*+){_REST}""")'
    rf'|("[^"\\\n\r]*+(?:\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{{4}}|u\{{[0-9A-Fa-f]{{1,6}}\}})[^"\\\n\r]*+){_REST}")'
    r"|(\Z)|([\s\S]))"
)
_MOST_LINES: Final = 2000
_LINE_END: Final = re.compile(r"\r\n|\n|\r")
_BRACED: Final = re.compile(r"(\\\\|\\[^u]|\\u[0-9A-Fa-f]{4})|\\u\{([0-9A-Fa-f]+)\}")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a document: kind, text and offset of each. The last one is END, with no text."""

    source: Source
    kinds: Sequence[int]
    texts: Sequence[str]
    starts: Sequence[int]

    def unexpected(self, at: int) -> Never:
        """Refuse the token at this place."""
        token = self.texts[at] or "<EOF>"
        raise GraphQLSyntaxError(self.source, self.starts[at], f"Unexpected {token[:40]!r}.")

    def string(self, at: int) -> str:
        """Return the value of a STRING or BLOCK token."""
        text = self.texts[at]
        if self.kinds[at] == BLOCK:
            lines = _LINE_END.split(text[3:-3].replace('\\"""', '"""'), maxsplit=_MOST_LINES)
            if len(lines) > _MOST_LINES:
                raise QueryTooComplex(f"A text has more than {_MOST_LINES} lines.")
            return "\n".join(dedent_block_string_lines(lines))
        if "\\" not in text:
            return text[1:-1]
        if "\\u{" in text:
            text = _BRACED.sub(_unbraced, text)
        try:
            value: str = json.loads(text, strict=False)
        except ValueError:
            self.unexpected(at)
        if _SURROGATE.search(value):
            raise GraphQLSyntaxError(self.source, self.starts[at], "Invalid Unicode escape sequence.")
        return value


def tokens(text: str, *, most: int) -> Tokens:
    """Return the tokens of a document; raises `GraphQLSyntaxError`, and `QueryTooComplex` above `most` of them."""
    source = Source(text)
    kinds: list[int] = []
    texts: list[str] = []
    starts: list[int] = []
    for match in _TOKEN.finditer(text):
        kind = match.lastindex or END
        kinds.append(kind)
        texts.append(match[kind])
        starts.append(match.start(kind))
        if kind >= END:
            break
        if len(kinds) > most:
            raise QueryTooComplex(f"The document has more than {most} tokens.")
    if kinds[-1] == _STRAY:
        raise GraphQLSyntaxError(source, starts[-1], f"Invalid character or token: {texts[-1]!r}.")
    return Tokens(source, kinds, texts, starts)


def _unbraced(match: re.Match[str]) -> str:
    r"""Return the escape of JSON for one of GraphQL: `\u{1F600}` has no like there."""
    if match[1]:
        return match[1]
    point = int(match[2], 16)
    return json.dumps(chr(point))[1:-1] if point <= 0x10FFFF else "\\x"
