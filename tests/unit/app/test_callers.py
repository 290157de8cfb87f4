"""The page of callers is the code's own: what is listed is called, what is called is listed."""

import ast
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from nova.app.callers import CALLERS, GATEWAY, callers_of
from nova.app.rooms import ROOMS

NOVA = Path(__file__).parents[3] / "nova"
HOUSE = {("identity", "GetKeySet"), ("identity", "ListRevocations")}
"""What every process asks for itself, so that it can verify tokens."""


def methods_of(room: str) -> set[str]:
    """Return the methods of a room's service, as its proto says."""
    descriptor = import_module(f"nova.api.{room}.v1.{room}_pb2").DESCRIPTOR
    (service,) = descriptor.services_by_name.values()
    return {method.name for method in service.methods}


def system_methods_of(room: str) -> frozenset[str]:
    methods: frozenset[str] = getattr(
        import_module(f"nova.services.{room}.server"), "SYSTEM_METHODS", frozenset()
    )
    return methods


def sources_of(part: str) -> Iterator[Path]:
    yield from (NOVA / ("gateway" if part == GATEWAY else f"services/{part}")).rglob("*.py")


@cache
def called_by(part: str) -> set[tuple[str, str]]:
    """Return the methods of other rooms that a part's code names: attributes of what may be a stub."""
    others = {(room, method) for room in ROOMS if room != part for method in methods_of(room)}
    called: set[tuple[str, str]] = set()
    for source in sources_of(part):
        tree = ast.parse(source.read_text())
        stubs = {
            room
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module
            for room in ROOMS
            if node.module == f"nova.api.{room}.v1.{room}_pb2_grpc"
        }
        for node in ast.walk(tree):
            # A stub's method is an attribute of something of one's own; a message is one of a module.
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
                holder = node.value.attr.strip("_")
                called |= {
                    (room, node.attr)
                    for room in ROOMS
                    if (room, node.attr) in others and (room in stubs or room == holder.removesuffix("s"))
                }
    return called


@pytest.mark.parametrize("part", [*ROOMS, GATEWAY])
def test_r1_every_call_that_is_made_is_listed(part: str) -> None:
    missing = {(room, method) for room, method in called_by(part) if part not in callers_of(room, method)}
    assert not missing, f"{part} will be refused: add it to nova/app/callers.py"


@pytest.mark.parametrize("room", ROOMS)
def test_r1_no_more_is_listed_than_is_called(room: str) -> None:
    listed = {
        (caller, method)
        for method, callers in CALLERS.get(room, {}).items()
        for caller in callers
        if (room, method) not in HOUSE
    }
    unused = {(caller, method) for caller, method in listed if (room, method) not in called_by(caller)}
    assert not unused, "a right that nobody uses is for whoever takes that part over"


@pytest.mark.parametrize("room", ROOMS)
def test_r1_listed_methods_exist_and_system_methods_are_listed(room: str) -> None:
    listed = CALLERS.get(room, {}).keys()
    assert listed <= methods_of(room)
    assert system_methods_of(room) <= listed, "they answer without a user: say who may ask"


def test_r1_nobody_is_listed_who_is_not_there() -> None:
    assert CALLERS.keys() <= set(ROOMS)
    assert {caller for room in CALLERS.values() for callers in room.values() for caller in callers} <= {
        *ROOMS,
        GATEWAY,
    }
