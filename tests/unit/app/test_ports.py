"""Ports that are chosen now and listened on later, again and again."""

import socket

import pytest

from nova.app import ports

FIRST_OF_LEAVING = 32768


def test_none_is_one_that_leaving_connections_are_given() -> None:
    assert all(ports.free_port() < FIRST_OF_LEAVING for _ in range(100))
    assert all(ports.free_range(100) + 100 < FIRST_OF_LEAVING for _ in range(10))


def test_a_range_has_no_port_on_which_somebody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    first, size = ports.free_range(10), 5
    monkeypatch.setattr(ports, "_NEIGHBOURS", range(first, first + 10, size))
    with socket.create_server(("127.0.0.1", first + size - 1)):
        assert {ports.free_range(size) for _ in range(20)} == {first + size}
    assert {ports.free_range(size) for _ in range(40)} == {first, first + size}
