"""Ports: which of them nobody has, and what is said of one that another program has."""

import random
import socket
from typing import Final

from nova.platform.errors import FailedPrecondition

_ALONE: Final = range(12_000, 17_000)
_NEIGHBOURS: Final = range(18_000, 32_000, 100)
"""Both lie below what systems give to connections that leave (from 32768 on Linux, from 49152 elsewhere): any of those
may be given to a connection, even to one that is meant for that port, while who listens there is away."""


class PortTaken(FailedPrecondition):
    """A port belongs to another program. `instead` says how to choose another."""

    def __init__(self, host: str, port: int, error: OSError, *, instead: str) -> None:
        why = error.strerror or error
        super().__init__(
            f"{host}:{port} cannot be had ({why}): end the program that holds it, or choose {instead}."
        )


def free_port() -> int:
    """Return a port that nobody listens on, and that stays free until somebody does."""
    return _drawn(_ALONE, 1)


def free_range(size: int) -> int:
    """Return the first of `size` neighbouring ports, 100 at most, that nobody listens on, as `free_port`."""
    return _drawn(_NEIGHBOURS, size)


def _drawn(firsts: range, size: int) -> int:
    """Return any of them from which on ports are free: whoever asks at the same moment is given others."""
    drawn = random.sample(firsts, len(firsts))
    return next(first for first in drawn if all(_is_free(port) for port in range(first, first + size)))


def require_free(host: str, port: int, *, instead: str) -> None:
    """Raise `PortTaken` where nobody could listen on a port now."""
    try:
        _probe(host, port)
    except OSError as error:
        raise PortTaken(host, port, error, instead=instead) from error


def _is_free(port: int) -> bool:
    try:
        _probe("127.0.0.1", port)
    except OSError:
        return False
    return True


def _probe(host: str, port: int) -> None:
    """Listen for no time at all, as servers do: connections that have ended do not keep a port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family):
        pass
