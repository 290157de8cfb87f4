"""Errors are facts with a code.

A room's own errors subclass one of these. One server middleware turns them into a gRPC status, one
formatter into a GraphQL error; anything that is not a `NovaError` is logged, masked and counted as INTERNAL.
"""

import re
from enum import StrEnum
from typing import ClassVar


class Code(StrEnum):
    """What kind of failure it is; the gRPC status and the GraphQL code follow from it."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    RATE_LIMITED = "RATE_LIMITED"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    UNAVAILABLE = "UNAVAILABLE"
    TIMEOUT = "TIMEOUT"
    INTERNAL = "INTERNAL"


class NovaError(Exception):
    """A failure that callers may be told about.

    `reason` is the class name in SCREAMING_SNAKE and survives every hop; `message` is a sentence that says
    what to do; `field` is the input field at fault, as the proto names it; `retry_after_s` is in seconds. `told`
    says that the far end of a call said so itself, and so lives.
    """

    code: ClassVar[Code] = Code.INTERNAL
    told = False

    def __init__(
        self,
        message: str = "",
        *,
        field: str | None = None,
        retry_after_s: float | None = None,
        reason: str | None = None,
    ) -> None:
        self.message = message or (type(self).__doc__ or "").strip().partition("\n")[0]
        self.field = field
        self.retry_after_s = retry_after_s
        self.reason = reason or screaming_snake(type(self).__name__)
        super().__init__(self.message)


class InvalidArgument(NovaError):
    """The input breaks a rule."""

    code = Code.INVALID_ARGUMENT


class Unauthenticated(NovaError):
    """Sign in first."""

    code = Code.UNAUTHENTICATED


class Forbidden(NovaError):
    """This account may not do that."""

    code = Code.FORBIDDEN


class NotFound(NovaError):
    """It does not exist, or this viewer may not see it."""

    code = Code.NOT_FOUND


class Conflict(NovaError):
    """It contradicts what is already there."""

    code = Code.CONFLICT


class IdempotencyConflict(Conflict):
    """The idempotency key was used before with another body: send a new key."""


class RateLimited(NovaError):
    """Too many requests: wait and try again."""

    code = Code.RATE_LIMITED


class FailedPrecondition(NovaError):
    """The state of things does not allow it now."""

    code = Code.FAILED_PRECONDITION


class Unavailable(NovaError):
    """A part that is needed does not answer: try again."""

    code = Code.UNAVAILABLE


class Timeout(NovaError):
    """It took longer than the caller would wait."""

    code = Code.TIMEOUT


class Internal(NovaError):
    """Something broke on our side."""

    code = Code.INTERNAL


def screaming_snake(name: str) -> str:
    """HandleTaken -> HANDLE_TAKEN."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()


BY_CODE: dict[Code, type[NovaError]] = {
    error.code: error
    for error in (
        InvalidArgument, Unauthenticated, Forbidden, NotFound, Conflict,
        RateLimited, FailedPrecondition, Unavailable, Timeout, Internal,
    )
}  # fmt: skip
