"""Connections to PostgreSQL whose loss shows by itself, also where nobody says that the way is gone.

A peer that vanishes (a node lost, a network cut) sends no reset. TCP would wait for it for a quarter of an hour where
something was sent (RFC 9293, section 3.8.3), and for ever where not. So the system asks a silent peer whether it is
there, and gives up what stays unacknowledged (RFC 5482).
"""

import socket
from contextlib import suppress
from typing import Any, Final, cast
from urllib.parse import unquote, urlsplit

import asyncpg

KEEPALIVE_SETTINGS: Final = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
"""The same for the other end, as session settings: what a client held who has vanished is free again."""

# Linux has all of them; elsewhere those that there are.
_OPTIONS: Final = (
    (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
    (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 5),
    (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 2),
    (socket.IPPROTO_TCP, "TCP_KEEPCNT", 3),
    (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", 10_000),
)


# What PostgreSQL says to a wrong password, and PgBouncer.
_REFUSED: Final = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.ProtocolViolationError)


async def connect(dsn: str, **how: Any) -> "asyncpg.Connection[asyncpg.Record]":  # noqa: ANN401 - asyncpg's own
    """Connect as `asyncpg.connect` does. A password of two lines is two: where the first is refused, the next is tried.

    So a password can be replaced while the server, its pooler and those who connect know of it one after another.
    """
    *others, last = _passwords_in(dsn)
    for password in others:
        with suppress(*_REFUSED):
            return await _connect(dsn, password=password, **how)
    return await _connect(dsn, password=last, **how)


def _passwords_in(dsn: str) -> list[str] | list[None]:
    """Return the passwords of a DSN, or None where the driver has to look for one."""
    spelt = urlsplit(dsn).password
    return [None] if spelt is None else unquote(spelt).split("\n")


async def _connect(dsn: str, **how: Any) -> "asyncpg.Connection[asyncpg.Record]":  # noqa: ANN401 - asyncpg's own
    connection = cast("asyncpg.Connection[asyncpg.Record]", await asyncpg.connect(dsn, **how))
    _watch(connection._transport.get_extra_info("socket"))  # type: ignore[attr-defined] # noqa: SLF001 - no other way
    return connection


def _watch(link: socket.socket) -> None:
    if link.family == socket.AF_UNIX:
        return
    for level, name, value in _OPTIONS:
        if hasattr(socket, name):
            link.setsockopt(level, getattr(socket, name), value)
