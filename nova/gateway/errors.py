"""Errors as a client sees them: one enum of codes, one formatter, and no word of our insides."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

import structlog
from graphql import FieldNode, GraphQLError

from nova.platform.errors import (
    Code,
    IdempotencyConflict,
    InvalidArgument,
    NotFound,
    NovaError,
    Unavailable,
)
from nova.platform.telemetry import metrics

_log = structlog.get_logger(__name__)
MASKED: Final = "Something broke on our side."


class ErrorCode(StrEnum):
    """`extensions.code` of a top-level error."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    NOT_FOUND = "NOT_FOUND"
    RATE_LIMITED = "RATE_LIMITED"
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    QUERY_TOO_DEEP = "QUERY_TOO_DEEP"
    BACKEND_BUDGET_EXCEEDED = "BACKEND_BUDGET_EXCEEDED"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    PERSISTED_QUERY_REQUIRED = "PERSISTED_QUERY_REQUIRED"
    IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"
    UNAVAILABLE = "UNAVAILABLE"
    TIMEOUT = "TIMEOUT"
    INTERNAL = "INTERNAL"


_OURS: Final = frozenset({ErrorCode.UNAVAILABLE, ErrorCode.TIMEOUT, ErrorCode.INTERNAL})


class Outcome(StrEnum):
    """How an operation ended. With parts left out, by the fault of the caller, or by ours, where not well."""

    OK = "ok"
    DEGRADED = "degraded"
    REFUSED = "refused"
    FAILED = "failed"


class QueryTooComplex(InvalidArgument):
    """The document asks for too much at once."""


class QueryTooDeep(InvalidArgument):
    """The document is nested too deeply."""


class BackendBudgetExceeded(InvalidArgument):
    """The document needs more calls to the rooms than one request may make."""


class PersistedQueryNotFound(NotFound):
    """No document is known by this hash or id: send it in full."""

    def __init__(self) -> None:
        # Apollo's clients look for this very text, and then send the document.
        super().__init__("PersistedQueryNotFound")


class PersistedQueryRequired(InvalidArgument):
    """Only documents of the manifest are run: send a documentId."""


class BadDocument(InvalidArgument):
    """The document is not valid against the schema; `errors` say where."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        self.errors = errors
        super().__init__("The document is not valid.", reason="INVALID_DOCUMENT")


class BadRequest(InvalidArgument):
    """The request is not a GraphQL request."""


class TooBusy(Unavailable):
    """The gateway has as much work as it can do: try again."""


_BY_CODE: Final[Mapping[Code, ErrorCode]] = {
    Code.INVALID_ARGUMENT: ErrorCode.BAD_USER_INPUT,
    Code.UNAUTHENTICATED: ErrorCode.UNAUTHENTICATED,
    Code.FORBIDDEN: ErrorCode.FORBIDDEN,
    Code.NOT_FOUND: ErrorCode.NOT_FOUND,
    Code.CONFLICT: ErrorCode.BAD_USER_INPUT,
    Code.RATE_LIMITED: ErrorCode.RATE_LIMITED,
    Code.FAILED_PRECONDITION: ErrorCode.BAD_USER_INPUT,
    Code.UNAVAILABLE: ErrorCode.UNAVAILABLE,
    Code.TIMEOUT: ErrorCode.TIMEOUT,
    Code.INTERNAL: ErrorCode.INTERNAL,
}
_BY_REASON: Final[Mapping[str, ErrorCode]] = {
    "QUERY_TOO_COMPLEX": ErrorCode.QUERY_TOO_COMPLEX,
    "QUERY_TOO_DEEP": ErrorCode.QUERY_TOO_DEEP,
    "BACKEND_BUDGET_EXCEEDED": ErrorCode.BACKEND_BUDGET_EXCEEDED,
    "PERSISTED_QUERY_NOT_FOUND": ErrorCode.PERSISTED_QUERY_NOT_FOUND,
    "PERSISTED_QUERY_REQUIRED": ErrorCode.PERSISTED_QUERY_REQUIRED,
    "IDEMPOTENCY_CONFLICT": ErrorCode.IDEMPOTENCY_CONFLICT,
}


def code_of(error: NovaError) -> ErrorCode:
    """Return the code of the public enum for `error`."""
    return _BY_REASON.get(error.reason) or _BY_CODE[error.code]


def outcome_of(codes: Iterable[ErrorCode], *, degraded: bool = False) -> Outcome:
    """Return how an operation ended whose errors have these codes; `degraded` says that parts were left out."""
    found = frozenset(codes)
    if found & _OURS:
        return Outcome.FAILED
    if degraded:
        return Outcome.DEGRADED
    return Outcome.REFUSED if found else Outcome.OK


def mendable(error: NovaError) -> bool:
    """Return whether the caller can mend it: then a mutation tells it as a `userError`."""
    if isinstance(error, IdempotencyConflict) or error.reason in _BY_REASON:
        return False
    return error.code in {Code.INVALID_ARGUMENT, Code.CONFLICT, Code.FAILED_PRECONDITION, Code.NOT_FOUND}


def nova_error(error: NovaError, request_id: str) -> dict[str, Any]:
    """Return `error` as an entry of `errors`."""
    code = code_of(error)
    extensions: dict[str, Any] = {"code": code.value, "requestId": request_id}
    if code is ErrorCode.INTERNAL:
        return {"message": MASKED, "extensions": extensions}
    if error.reason != code.value:
        extensions["reason"] = error.reason
    if error.retry_after_s is not None:
        extensions["retryAfter"] = round(error.retry_after_s, 3)
    return {"message": error.message, "extensions": extensions}


def request_errors(error: NovaError, request_id: str) -> list[dict[str, Any]]:
    """Return the entries of `errors` for a request that was refused before it ran."""
    if isinstance(error, BadDocument):
        return [_bad_input(entry, request_id) for entry in error.errors]
    return [nova_error(error, request_id)]


def field_error(error: GraphQLError, request_id: str) -> dict[str, Any]:
    """Return an error of a running operation as an entry of `errors`; unknown ones are logged and masked."""
    cause = _cause(error)
    if isinstance(cause, NovaError):
        entry = nova_error(cause, request_id)
        if code_of(cause) is ErrorCode.INTERNAL:
            _log.error("field_failed", reason=cause.reason, path=error.path, request_id=request_id)
    elif cause is None and error.path is None:
        return _bad_input(error, request_id)
    else:
        _log.error("field_broke", path=error.path, request_id=request_id, exc_info=cause or error)
        # Its name in the schema: an alias is the caller's own word.
        node = next(iter(error.nodes or ()), None)
        field = node.name.value if isinstance(node, FieldNode) else ""
        metrics.UNKNOWN_ERRORS.labels("gateway", field).inc()
        entry = {
            "message": MASKED,
            "extensions": {"code": ErrorCode.INTERNAL.value, "requestId": request_id},
        }
    if error.path is not None:
        entry["path"] = error.path
    return _located(entry, error)


def _cause(error: GraphQLError) -> BaseException | None:
    """Return what a resolver raised; the executor may wrap it more than once."""
    cause: BaseException | None = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _bad_input(error: GraphQLError, request_id: str) -> dict[str, Any]:
    entry = {
        "message": error.message,
        "extensions": {"code": ErrorCode.BAD_USER_INPUT.value, "requestId": request_id},
    }
    return _located(entry, error)


def _located(entry: dict[str, Any], error: GraphQLError) -> dict[str, Any]:
    if error.locations:
        entry["locations"] = [{"line": spot.line, "column": spot.column} for spot in error.locations]
    return entry
