"""Errors as google.rpc.Status, there and back."""

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from hypothesis import given
from hypothesis import strategies as st

from nova.platform.errors import BY_CODE, Code, NovaError
from nova.platform.rpc.status import DETAILS_KEY, flattened, from_wire, to_wire

# Messages are cut at 1,024 characters, and gRPC sends no lone surrogates.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=1024)
NAMES = st.from_regex(r"[A-Z_]{1,40}", fullmatch=True)


@given(
    st.sampled_from(list(Code)),
    TEXTS,
    NAMES,
    st.none() | st.from_regex(r"[a-z_]{1,40}", fullmatch=True),
    st.none() | st.integers(0, 10**7).map(lambda ms: ms / 1000),
)
def test_an_error_survives_the_wire(
    code: Code, message: str, reason: str, field: str | None, retry_after_s: float | None
) -> None:
    error = BY_CODE[code](message, reason=reason, field=field, retry_after_s=retry_after_s)
    for arrived in (from_wire(*to_wire(error)), flattened(error)):
        assert type(arrived) is BY_CODE[code]
        assert (arrived.message, arrived.reason, arrived.field) == (message, reason, field)
        if retry_after_s is None:
            assert arrived.retry_after_s is None
        else:
            assert arrived.retry_after_s == pytest.approx(retry_after_s, abs=1e-6)


def test_details_are_those_of_google_rpc() -> None:
    error = BY_CODE[Code.RATE_LIMITED]("Wait.", field="first", retry_after_s=0.25)
    sent = to_wire(error)
    assert sent.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    ((key, value),) = sent.trailers
    assert key == DETAILS_KEY
    status = status_pb2.Status.FromString(value)
    assert (status.code, status.message) == (8, "Wait.")
    info, bad, retry = (
        error_details_pb2.ErrorInfo(),
        error_details_pb2.BadRequest(),
        error_details_pb2.RetryInfo(),
    )
    assert [status.details[n].Unpack(kind) for n, kind in enumerate((info, bad, retry))] == [True] * 3
    assert (info.reason, info.domain) == ("RATE_LIMITED", "nova")
    assert bad.field_violations[0].field == "first"
    assert retry.retry_delay.ToMilliseconds() == 250


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (grpc.StatusCode.UNKNOWN, Code.INTERNAL, "INTERNAL"),
        (grpc.StatusCode.DATA_LOSS, Code.INTERNAL, "INTERNAL"),
        (grpc.StatusCode.UNIMPLEMENTED, Code.INTERNAL, "UNIMPLEMENTED"),
        (grpc.StatusCode.CANCELLED, Code.UNAVAILABLE, "UNAVAILABLE"),
        (grpc.StatusCode.ABORTED, Code.CONFLICT, "CONFLICT"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, Code.TIMEOUT, "TIMEOUT"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Code.INVALID_ARGUMENT, "CALL_TOO_LARGE"),
    ],
)
@pytest.mark.parametrize("trailers", [(), ((DETAILS_KEY, b"\xff\xff"),), (("other", "text"),)])
def test_a_foreign_status_gets_a_code_and_loses_its_text(
    status: grpc.StatusCode, code: Code, reason: str, trailers: tuple[tuple[str, str | bytes], ...]
) -> None:
    error = from_wire(status, "<class 'secret.Thing'> at 10.0.0.7", trailers)
    assert isinstance(error, NovaError)
    assert (error.code, error.reason) == (code, reason)
    assert "10.0.0.7" not in error.message


def test_a_long_message_is_cut() -> None:
    assert len(to_wire(BY_CODE[Code.INTERNAL]("x" * 9000)).message) == 1024
