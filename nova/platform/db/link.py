"""Connections to PostgreSQL whose loss shows by itself, also where nobody says that the way is gone.

A peer that vanishes (a node lost, a network cut) sends no reset. TCP would wait for it for a quarter of an hour where
something was sent (RFC 9293, section 3.8.3), and for ever where not. So the system asks a silent peer whether it is
there, and gives up what stays unacknowledged (RFC 5482).
"""

import socket
from typing import Any, Final, cast

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


async def connect(*where: Any, **how: Any) -> "asyncpg.Connection[asyncpg.Record]":  # noqa: ANN401 - asyncpg's own
    """Connect as `asyncpg.connect` does."""
    connection = cast("asyncpg.Connection[asyncpg.Record]", await asyncpg.connect(*where, **how))
    _watch(connection._transport.get_extra_info("socket"))  # type: ignore[attr-defined] # noqa: SLF001 - no other way
    return connection


def _watch(link: socket.socket) -> None:
    if link.family == socket.AF_UNIX:
        return
    for level, name, value in _OPTIONS:
        if hasattr(socket, name):
            link.setsockopt(level, getattr(socket, name), value)
