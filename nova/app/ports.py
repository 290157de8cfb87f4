"""Ports of the loopback that nobody has."""

import socket


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


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
