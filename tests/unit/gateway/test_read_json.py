"""H6: JSON that two readers could understand differently is not read at all."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova.gateway.http.strict_json import BadJson, loads

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NUMBER = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=20,
)
REFUSED = {
    "100,000 deep": b"[" * 100_000,
    "100,000 deep objects": b'{"a":' * 100_000,
    "65 deep": b"[" * 65 + b"]" * 65,
    "duplicate members": b'{"query": "{a}", "query": "{b}"}',
    "duplicate members below": b'{"a": [{"b": 1, "b": 2}]}',
    "duplicate by escape": b'{"a": 1, "\\u0061": 2}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "lone surrogate": b'{"a": "\\ud800"}',
    "escaped NUL": b'{"a": "\\u0000"}',
    "NUL in a name": b'{"\\u0000": 1}',
    "raw NUL": b'{"a": "\0"}',
    "not UTF-8": b'{"a": "\xff"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "trailing comma": b'{"a": 1,}',
    "two values": b"{} {}",
    "nothing": b"",
    "a number of 100,000 digits": b"1" * 100_000,
    "100,000 numbers": b"[" + b"1," * 100_000 + b"1]",
    "100,000 objects": b"[" + b'{"a":1},' * 100_000 + b"1]",
    "100,000 members": b"{" + b",".join(b'"%d":1' % number for number in range(100_000)) + b"}",
    "a text of quotes without end": b'{"a": "' + b'\\"' * 500_000 + b"," * 6_000,
}


@pytest.mark.parametrize("name", REFUSED)
def test_h6_it_is_refused(name: str) -> None:
    with pytest.raises(BadJson):
        loads(REFUSED[name])


@given(JSON)
def test_h6_all_other_json_is_read_as_it_is(value: object) -> None:
    assert loads(json.dumps(value).encode()) == value
    assert loads(json.dumps(value, ensure_ascii=False, indent=1).encode()) == value


def test_h6_brackets_and_escapes_inside_texts_are_texts() -> None:
    text = "[" * 1000 + "\\u0000" + '"{'
    assert loads(json.dumps({"a": text}).encode()) == {"a": text}
    assert loads(b"[" * 64 + b"]" * 64)


def test_h6_a_megabyte_of_commas_inside_a_text_is_one_part() -> None:
    text = ", [" * 300_000
    assert loads(json.dumps({"a": text}).encode()) == {"a": text}
    assert len(loads(b"[" + b",".join([b'"id"'] * 2_000) + b"]")) == 2_000
