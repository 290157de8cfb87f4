"""The page of callers is the code's own: what is listed is called, what is called is listed."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from google.protobuf.empty_pb2 import Empty

from nova.app.authority import PARTS
from nova.app.callers import CALLERS, GATEWAY, callers_of, closed
from nova.app.rooms import ROOMS
from nova.platform.auth.actor import Actor
from nova.platform.errors import NovaError, Unauthenticated
from nova.platform.rpc.binding import ServiceBinding
from nova.platform.rpc.channel import LocalChannel
from nova.platform.rpc.local import LocalServer
from nova.platform.rpc.server_chain import server_middlewares
from nova.platform.telemetry.tracing import Tracing

NOVA = Path(__file__).parents[3] / "nova"
HOUSE = {("identity", "GetKeySet"), ("identity", "ListRevocations")}
"""What every process asks for itself, so that it can verify tokens."""


WITHOUT_A_USER: Mapping[str, Mapping[str, frozenset[str]]] = {
    "identity": {
        "GetKeySet": frozenset((*ROOMS, GATEWAY)),
        "ListRevocations": frozenset((*ROOMS, GATEWAY)),
        "RefreshSession": frozenset((GATEWAY,)),
        "RequestPasswordReset": frozenset((GATEWAY,)),
        "ResetPassword": frozenset((GATEWAY,)),
        "SignIn": frozenset((GATEWAY,)),
        "SignUp": frozenset((GATEWAY,)),
        "VerifyEmail": frozenset((GATEWAY,)),
    },
    "user": {"ListRestrictions": frozenset(("graph",))},
    "content": {"ListPostings": frozenset(("features", "feed", "ranking"))},
    "features": {"DescribeFeatures": frozenset(("ranking",))},
}
"""Every method that answers without a user, and who may ask. One more is a decision: it stands here, or is refused."""


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


def test_r2_no_other_method_answers_without_a_user() -> None:
    found = {
        room: {method: callers_of(room, method) for method in system_methods_of(room)}
        for room in ROOMS
        if system_methods_of(room)
    }
    assert found == WITHOUT_A_USER


def test_r1_nobody_is_listed_who_is_not_there() -> None:
    assert CALLERS.keys() <= set(ROOMS)
    assert {caller for room in CALLERS.values() for callers in room.values() for caller in callers} <= {
        *ROOMS,
        GATEWAY,
    }


async def refusal(channel: LocalChannel, path: str) -> str | None:
    """Return why a call is refused; None where the caller is let in, which here meets a method without an answer."""
    ask = channel.unary_unary(path, request_serializer=bytes, response_deserializer=bytes)
    try:
        await ask(Empty())
    except NovaError as error:
        return None if error.reason == "UNIMPLEMENTED" else error.reason
    raise AssertionError(path)


@pytest.mark.parametrize("room", ROOMS)
async def test_r1_in_one_process_the_page_holds_for_every_part_and_method(room: str) -> None:
    grpc_module = import_module(f"nova.api.{room}.v1.{room}_pb2_grpc")
    name = f"{room.title()}Service"
    binding = ServiceBinding(
        add_to_server=getattr(grpc_module, f"add_{name}Servicer_to_server"),
        servicer=getattr(grpc_module, f"{name}Servicer")(),
        system_methods=frozenset(methods_of(room)),  # so that only the caller is asked for
    )
    server = LocalServer(server_middlewares(authenticate=nobody, tracing=Tracing()))
    server.bind([closed(room, binding)])
    await server.start()
    for part in (*PARTS, None):
        channel = LocalChannel(server, tracing=Tracing(), caller=part)
        for method in methods_of(room):
            told = await refusal(channel, f"/nova.api.{room}.v1.{name}/{method}")
            assert told == (None if part in callers_of(room, method) else "CALLER_REFUSED"), (part, method)


async def nobody(_token: str) -> Actor:
    raise Unauthenticated
