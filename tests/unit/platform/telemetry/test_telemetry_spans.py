"""Spans in a folder: what is kept of them, which requests have them, and that they never grow without bound."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from nova.platform.clock import FixedClock
from nova.platform.errors import NotFound
from nova.platform.limits.pace import Pace
from nova.platform.telemetry.spans import FolderExporter, Recorded, read_spans
from nova.platform.telemetry.tracing import Tracing, sampled

ASKED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
NOT_ASKED = ASKED[:-1] + "0"


def tracing_into(
    folder: Path, *, sample: float = 0.0, most_bytes: int = 1 << 20, asked: Pace | None = None
) -> Tracing:
    exporter = FolderExporter(folder, service="test", most_bytes=most_bytes)
    return Tracing(SimpleSpanProcessor(exporter), service="test", sample=sample, asked=asked)


def by_name(folder: Path) -> dict[str, Recorded]:
    return {span.name: span for span in read_spans(folder)}


def test_a_request_that_asks_is_kept_with_all_below_it(tmp_path: Path) -> None:
    tracing = tracing_into(tmp_path)
    with (
        tracing.span("outer", headers={"traceparent": ASKED}, attributes={"a": "b"}),
        pytest.raises(NotFound),
        tracing.span("inner"),
    ):
        raise NotFound
    spans = by_name(tmp_path)
    assert spans["outer"].trace_id == spans["inner"].trace_id == ASKED.split("-")[1]
    assert (spans["outer"].parent_id, spans["inner"].parent_id) == (
        ASKED.split("-")[2],
        spans["outer"].span_id,
    )
    assert (spans["outer"].failed, spans["inner"].failed) == (None, "NOT_FOUND")
    assert spans["outer"].attributes == {"a": "b"}
    assert (
        spans["outer"].begun_ns
        <= spans["inner"].begun_ns
        <= spans["inner"].ended_ns
        <= spans["outer"].ended_ns
    )


@pytest.mark.parametrize("headers", [{}, {"traceparent": NOT_ASKED}])
def test_one_that_does_not_ask_is_not_kept(tmp_path: Path, headers: dict[str, str]) -> None:
    tracing = tracing_into(tmp_path)
    carried: dict[str, str] = {}
    with tracing.request("came in", headers=headers), tracing.span("below"):
        tracing.inject(carried)
    with tracing.span("served", headers=headers), tracing.span("below"):
        tracing.inject(carried)
    assert by_name(tmp_path) == {}
    assert carried == {}


@pytest.mark.parametrize("headers", [{}, {"traceparent": NOT_ASKED}])
def test_by_chance_a_request_is_kept_with_all_below_it(tmp_path: Path, headers: dict[str, str]) -> None:
    tracing, carried = tracing_into(tmp_path, sample=1.0), dict[str, str]()
    with tracing.request("came in", headers=headers), tracing.span("below"):
        tracing.inject(carried)
    assert by_name(tmp_path)["below"].parent_id == by_name(tmp_path)["came in"].span_id
    assert sampled(carried["traceparent"])


def test_no_trace_begins_by_chance_but_with_a_request(tmp_path: Path) -> None:
    """A room that drew for itself would begin in the middle, and whatever is not traced would cost."""
    with tracing_into(tmp_path, sample=1.0).span("in the background"):
        pass
    assert by_name(tmp_path) == {}


def test_strangers_are_granted_so_many_traces_a_second_and_no_more(tmp_path: Path) -> None:
    clock = FixedClock(datetime.now(UTC))
    tracing = tracing_into(tmp_path, asked=Pace(2.0, burst=3, monotonic=clock.monotonic))

    def granted(requests: int) -> int:
        before = len(list(read_spans(tmp_path)))
        for _ in range(requests):
            with tracing.request("came in", headers={"traceparent": ASKED}), tracing.span("below"):
                pass
        return (len(list(read_spans(tmp_path))) - before) // 2

    assert granted(10) == 3
    clock.advance(1.0)
    assert granted(10) == 2
    clock.advance(3600.0)
    assert granted(10) == 3


def test_what_one_process_granted_is_no_request_of_a_stranger_in_the_next(tmp_path: Path) -> None:
    tracing = tracing_into(tmp_path, asked=Pace(1.0, burst=1))
    for _ in range(3):
        with tracing.span("served", headers={"traceparent": ASKED}):
            pass
    assert len(list(read_spans(tmp_path))) == 3


def test_the_folder_holds_at_most_two_files_a_process(tmp_path: Path) -> None:
    tracing = tracing_into(tmp_path, most_bytes=2_000)
    for number in range(50):
        with tracing.span(f"span {number}", headers={"traceparent": ASKED}):
            pass
    files = list(tmp_path.iterdir())
    assert len(files) == 2
    assert all(file.stat().st_size <= 2_000 for file in files)
    assert "span 49" in by_name(tmp_path)


def test_a_full_disk_costs_spans_and_no_request(tmp_path: Path) -> None:
    tracing = tracing_into(tmp_path / "traces")
    (tmp_path / "traces").rmdir()
    with tracing.span("outer", headers={"traceparent": ASKED}):
        pass
    assert by_name(tmp_path / "traces") == {}


def test_a_line_that_is_being_written_is_passed_over(tmp_path: Path) -> None:
    with tracing_into(tmp_path).span("whole", headers={"traceparent": ASKED}):
        pass
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes() + b'{"trace_id": "4bf9')
    assert set(by_name(tmp_path)) == {"whole"}


@given(st.integers(0, 255))
def test_the_last_bit_of_the_flags_decides(flags: int) -> None:
    assert sampled(f"{ASKED[:-2]}{flags:02x}") is bool(flags & 1)


@given(st.text(max_size=54))
def test_what_is_too_short_to_be_one_asks_for_nothing(text: str) -> None:
    assert not sampled(text)
