"""What is sent back: answers, and refusals as problem details (RFC 9457)."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import orjson

from nova.platform.errors import Code, NovaError
from nova.platform.telemetry import metrics

PROBLEM: Final = "application/problem+json"
JSON: Final = "application/json; charset=utf-8"
NO_STORE: Final = "private, no-store"

_STATUS: Final[Mapping[Code, int]] = {
    Code.INVALID_ARGUMENT: 400,
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.NOT_FOUND: 404,
    Code.CONFLICT: 409,
    Code.RATE_LIMITED: 429,
    Code.FAILED_PRECONDITION: 409,
    Code.UNAVAILABLE: 503,
    Code.TIMEOUT: 504,
    Code.INTERNAL: 500,
}
FAILURES: Final = tuple(_STATUS[code] for code in metrics.FAILURES)
"""The statuses of what fails by our fault."""
_SECURITY: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)
_NO_CONTENT_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"


@dataclass(slots=True)
class Response:
    """One answer. Header names are lower-case; `stream` is sent instead of `body` where it is given.

    What is said nothing of is personal: it is not to be stored.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    stream: AsyncIterator[bytes] | None = None

    def head(self, request_id: str) -> list[tuple[bytes, bytes]]:
        """Return the headers as ASGI wants them."""
        headers = {
            "content-type": self.content_type,
            "cache-control": NO_STORE,
            "content-security-policy": _NO_CONTENT_POLICY,
            "x-request-id": request_id,
            **self.headers,
        }
        if self.stream is None and self.status not in {204, 304}:
            headers["content-length"] = str(len(self.body))
        if self.status in {204, 304}:
            del headers["content-type"]
        return [
            *_SECURITY,
            *((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()),
        ]


class Refused(Exception):
    """A request that is refused by HTTP's own rules. `close` ends the connection with it."""

    def __init__(
        self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, close: bool = False
    ) -> None:
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        if close:
            self.headers["connection"] = "close"
        super().__init__(detail)

    def response(self, request_id: str) -> Response:
        """Return it as a problem."""
        return _problem(self.status, self.detail, request_id, self.headers)


def json_response(value: Any, **headers: str) -> Response:  # noqa: ANN401 - whatever JSON can say
    """Return a JSON answer; header names are written with underscores."""
    return Response(
        body=orjson.dumps(value), headers={name.replace("_", "-"): text for name, text in headers.items()}
    )


def error_response(error: NovaError, request_id: str) -> Response:
    """Return an error of the house as a problem, with its reason."""
    status = _STATUS[error.code]
    headers: dict[str, str] = {}
    if error.retry_after_s is not None:
        headers["retry-after"] = str(max(1, round(error.retry_after_s)))
    if status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    internal = error.code is Code.INTERNAL
    detail = "Something broke on our side." if internal else error.message
    extra: dict[str, Any] = {} if internal else {"code": error.reason}
    if error.field is not None and not internal:
        extra["field"] = error.field
    return _problem(status, detail, request_id, headers, extra)


def _problem(
    status: int,
    detail: str,
    request_id: str,
    headers: Mapping[str, str],
    extra: Mapping[str, Any] | None = None,
) -> Response:
    value = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "requestId": request_id,
        **(extra or {}),
    }
    return Response(status, orjson.dumps(value), PROBLEM, dict(headers))
