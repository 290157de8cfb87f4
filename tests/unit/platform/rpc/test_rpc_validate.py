"""Request fields that have the right wire type and are wrong all the same."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from nova.platform.errors import InvalidArgument
from nova.platform.ids import uuid7
from nova.platform.rpc.validate import (
    enum_of,
    number_of,
    optional_uuid_of,
    page_size,
    text_of,
    time_of,
    to_timestamp,
    uuid_of,
    uuids_of,
)
from tests.proto.echo_pb2 import Color

ID = uuid7()


@pytest.mark.parametrize(
    "ask",
    [
        lambda: uuid_of(b"", "f"),
        lambda: uuid_of(b"x" * 15, "f"),
        lambda: uuid_of(b"x" * 17, "f"),
        lambda: optional_uuid_of(b"x", "f"),
        lambda: uuids_of([ID.bytes, b""], "f", most=5),
        lambda: uuids_of([ID.bytes] * 6, "f", most=5),
        lambda: page_size(-1, most=100, default=20, field="f"),
        lambda: page_size(101, most=100, default=20, field="f"),
        lambda: enum_of(0, Color, "f"),
        lambda: enum_of(7, Color, "f"),
        lambda: enum_of(-1, Color, "f"),
        lambda: text_of("x" * 6, "f", most=5),
        lambda: text_of("", "f", most=5, least=1),
        lambda: text_of("a\0b", "f", most=5),
        lambda: number_of(math.nan, "f", least=0, most=1),
        lambda: number_of(math.inf, "f", least=0, most=1),
        lambda: number_of(-0.1, "f", least=0, most=1),
        lambda: time_of(Timestamp(seconds=-1), "f"),
        lambda: time_of(Timestamp(seconds=253_402_300_800), "f"),
        lambda: time_of(Timestamp(nanos=-1), "f"),
        lambda: time_of(Timestamp(nanos=1_000_000_000), "f"),
    ],
)
def test_r8_what_is_out_of_bounds_is_refused_with_its_field(ask: Callable[[], object]) -> None:
    with pytest.raises(InvalidArgument) as raised:
        ask()
    assert raised.value.field == "f"


def test_what_is_within_bounds_comes_back_as_a_word_of_the_domain() -> None:
    assert uuid_of(ID.bytes, "f") == ID
    assert optional_uuid_of(b"", "f") is None
    assert optional_uuid_of(ID.bytes, "f") == ID
    assert uuids_of([ID.bytes, ID.bytes], "f", most=2) == [ID, ID]
    assert page_size(0, most=100, default=20) == 20
    assert page_size(100, most=100, default=20) == 100
    assert enum_of(1, Color, "f") == Color.COLOR_RED
    assert text_of("日本語😀", "f", most=4) == "日本語😀"
    assert number_of(1.0, "f", least=0, most=1) == 1.0


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the zone
def test_a_moment_survives_the_wire(moment: datetime) -> None:
    assert time_of(to_timestamp(moment), "f") == moment


def test_a_moment_of_another_zone_is_the_same_moment() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=1)
    assert time_of(to_timestamp(moment.astimezone()), "f") == moment
