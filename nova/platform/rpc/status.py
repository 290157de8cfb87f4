"""Errors over the wire: NovaError to and from a gRPC status with google.rpc details.

The details follow google.rpc (AIP-193): ErrorInfo holds the reason, BadRequest the field at fault,
RetryInfo the wait; they travel as one google.rpc.Status in the trailer `grpc-status-details-bin`.
"""

from collections.abc import Iterable
from typing import NamedTuple

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from nova.platform.errors import BY_CODE, Code, NovaError

DOMAIN = "nova"
DETAILS_KEY = "grpc-status-details-bin"
_MOST_MESSAGE_CHARS = 1024

_TO_GRPC = {
    Code.INVALID_ARGUMENT: grpc.StatusCode.INVALID_ARGUMENT,
    Code.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    Code.FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
    Code.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Code.CONFLICT: grpc.StatusCode.ALREADY_EXISTS,
    Code.RATE_LIMITED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Code.FAILED_PRECONDITION: grpc.StatusCode.FAILED_PRECONDITION,
    Code.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Code.TIMEOUT: grpc.StatusCode.DEADLINE_EXCEEDED,
    Code.INTERNAL: grpc.StatusCode.INTERNAL,
}
# Statuses that only libraries and foreign servers send. CANCELLED from the far side means that it is going
# down.
_FROM_GRPC = {status: code for code, status in _TO_GRPC.items()} | {
    grpc.StatusCode.ABORTED: Code.CONFLICT,
    grpc.StatusCode.OUT_OF_RANGE: Code.INVALID_ARGUMENT,
    grpc.StatusCode.CANCELLED: Code.UNAVAILABLE,
}


class WireStatus(NamedTuple):
    """What a gRPC server sends for an error."""

    code: grpc.StatusCode
    message: str
    trailers: tuple[tuple[str, bytes], ...]


def to_wire(error: NovaError) -> WireStatus:
    """Return the status, its sentence and its trailers for `error`."""
    code = _TO_GRPC[error.code]
    message = error.message[:_MOST_MESSAGE_CHARS]
    status = status_pb2.Status(code=code.value[0], message=message)
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN))
    if error.field is not None:
        violation = error_details_pb2.BadRequest.FieldViolation(field=error.field, description=message)
        status.details.add().Pack(error_details_pb2.BadRequest(field_violations=[violation]))
    if error.retry_after_s is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromNanoseconds(int(error.retry_after_s * 1e9))
        status.details.add().Pack(retry)
    return WireStatus(code, message, ((DETAILS_KEY, status.SerializeToString()),))


def from_wire(code: grpc.StatusCode, message: str, trailers: Iterable[tuple[str, str | bytes]]) -> NovaError:
    """Return the error that a status stands for: the class by its code, the rest from the details.

    A status without our details comes from the library or a foreign server. Its sentence is then replaced,
    for it may hold addresses and class names.
    """
    for key, value in trailers:
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                details = status_pb2.Status.FromString(value)
            except DecodeError:
                break
            return _from_details(_FROM_GRPC.get(code, Code.INTERNAL), message, details)
    return _without_details(code)


def flattened(error: NovaError) -> NovaError:
    """Return `error` as it arrives over the wire: the class of its code, with the same reason and text."""
    return _told(
        error.code,
        error.message[:_MOST_MESSAGE_CHARS],
        field=error.field,
        retry_after_s=error.retry_after_s,
        reason=error.reason,
    )


def _from_details(code: Code, message: str, status: status_pb2.Status) -> NovaError:
    info, bad, retry = (
        error_details_pb2.ErrorInfo(),
        error_details_pb2.BadRequest(),
        error_details_pb2.RetryInfo(),
    )
    reason = field = retry_after_s = None
    for detail in status.details:
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(bad) and bad.field_violations:
            field = bad.field_violations[0].field
        elif detail.Unpack(retry):
            retry_after_s = retry.retry_delay.ToNanoseconds() / 1e9
    return _told(code, message, field=field, retry_after_s=retry_after_s, reason=reason)


def _told(
    code: Code, message: str, *, field: str | None, retry_after_s: float | None, reason: str | None
) -> NovaError:
    error = BY_CODE[code](message, field=field, retry_after_s=retry_after_s, reason=reason)
    error.told = True
    return error


def _without_details(code: grpc.StatusCode) -> NovaError:
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        # Our own limits send details: what is left is the library's refusal of a message or of metadata.
        return BY_CODE[Code.INVALID_ARGUMENT](
            "The message or its metadata is too large.", reason="CALL_TOO_LARGE"
        )
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return unimplemented()
    return BY_CODE[_FROM_GRPC.get(code, Code.INTERNAL)]()


def unimplemented() -> NovaError:
    """Return the error for a method that the called room does not have."""
    return BY_CODE[Code.INTERNAL]("The called room does not have this method.", reason="UNIMPLEMENTED")
