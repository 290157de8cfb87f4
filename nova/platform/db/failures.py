"""What PostgreSQL and asyncpg may say, in the house's words.

Only failures of the connection, of the server's state and of time are translated. A violated constraint stays
what asyncpg calls it: the store that wrote the statement knows which fact it means.
"""

from types import TracebackType

import asyncpg

from nova.platform.errors import NovaError, Timeout, Unavailable

DRIVER_ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""All that asyncpg raises when a connection or a statement fails."""

_DOWN = ("57P", "53", "58")
_CONFLICTS = {"40001", "40P01", "55P03"}
_CANCELLED = "57014"
_NO_PRIMARY = "25006"
# Connections that the server has ended: by a word of its administrator, by a crash, or as they were idle for long.
_ENDED = {"57P01", "57P02", "57P05", "25P03", "25P04"}


class DatabaseDown(Unavailable):
    """The database does not answer: try again."""


class ConnectionLost(DatabaseDown):
    """The connection to the database has ended: try again."""


class PoolExhausted(Unavailable):
    """All connections of this room are busy: try again."""


class WriteConflict(Unavailable):
    """Another write was in the way: try again."""


class CommitUnknown(Unavailable):
    """The reply to COMMIT was lost: repeat the call with the same idempotency key to learn its outcome."""


class StatementTimeout(Timeout):
    """The statement took longer than it may."""


def translate(error: BaseException) -> NovaError | None:
    """Return what `error` means to a caller, or None where only the store can say (SQLSTATEs: appendix A)."""
    if isinstance(error, asyncpg.PostgresError):
        return _by_state(error.sqlstate or "")
    if isinstance(error, asyncpg.InterfaceError):
        # asyncpg has no type for it: "connection is closed", "pool is closing", "… closed in the middle …",
        # and for a connection that died on loan, "… has been released back to the pool".
        return ConnectionLost() if "clos" in str(error) or "released back" in str(error) else None
    if isinstance(error, asyncpg.InternalClientError):
        # The server's last words came while nothing was asked, and the socket is not closed yet.
        return ConnectionLost()
    # A statement that takes too long is ended by the server, which says so. Here not even that has come.
    return DatabaseDown() if isinstance(error, OSError) else None


def _by_state(state: str) -> NovaError | None:
    if state == _CANCELLED:
        return StatementTimeout()
    if state in _CONFLICTS:
        return WriteConflict()
    if state in _ENDED or state.startswith("08"):
        return ConnectionLost()
    return DatabaseDown() if state == _NO_PRIMARY or state.startswith(_DOWN) else None


def is_lost(error: BaseException) -> bool:
    """Return whether `error` says that no answer will come, so that the fate of a COMMIT is unknown."""
    return isinstance(translate(error), DatabaseDown)


class translated:  # noqa: N801 - reads as a verb: `with translated():`
    """Raise a failure inside a `with` block as the house's own error, with the original as its cause."""

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            known = translate(error)
            if known is not None:
                raise known from error
