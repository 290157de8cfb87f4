"""Ports of the loopback that nobody has."""

import socket
from typing import Final

_STEADY: Final = range(18_000, 32_000, 100)
"""Below what systems give to connections that leave (from 32768 on Linux, from 49152 elsewhere)."""


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def free_range(size: int) -> int:
    """Return the first of `size` neighbouring ports that nobody listens on."""
    while True:
        first = free_port()
        if first + size < 65535 and all(_is_free(port) for port in range(first, first + size)):
            return first


def steady_range(size: int) -> int:
    """As `free_range`, of at most 100 ports that stay free while who listens there is away.

    The system may give any higher port to a connection that leaves, even to one that is meant for that port.
    """
    return next(first for first in _STEADY if all(_is_free(port) for port in range(first, first + size)))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
