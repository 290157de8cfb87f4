"""A servicer bound to its service, and the handlers that the generated code makes of it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc
from google.protobuf.message import Message

from nova.platform.rpc.call import Method
from nova.platform.rpc.status import from_wire


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceBinding:
    """One servicer of a room.

    `add_to_server` is the generated `add_XServicer_to_server`; `system_methods` names those methods that
    may be called without an actor. `callers` tells of a method's name which parts of the platform may call it.
    """

    add_to_server: Callable[[Any, Any], None]
    servicer: object
    system_methods: frozenset[str] = frozenset()
    callers: Callable[[str], frozenset[str]] | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One unary method of a servicer, with the functions that read and write its messages."""

    method: Method
    call: Callable[[Message, Any], Awaitable[Message]]
    decode: Callable[[bytes], Message]
    encode: Callable[[Message], bytes]


class ServicerContext:
    """What a servicer is handed as its context, alike over both transports: it can only refuse.

    Everything else that a servicer may ask of its call is in `nova.platform.rpc.context`, so that no room
    can come to depend on one transport. Generated code refuses unimplemented methods through it.
    """

    def set_code(self, code: grpc.StatusCode) -> NoReturn:
        """Raise the error that `code` stands for."""
        raise from_wire(code, "", ())

    async def abort(self, code: grpc.StatusCode, _details: str = "", _trailers: object = ()) -> NoReturn:
        """Raise the error that `code` stands for."""
        raise from_wire(code, "", ())


class _Collector:
    """Stands in for a server while generated code registers a servicer.

    Generated code calls both methods of a server; the first one only repeats what the second says.
    """

    def __init__(self) -> None:
        self.services: dict[str, Mapping[str, Any]] = {}

    def add_generic_rpc_handlers(self, handlers: Iterable[object]) -> None:
        """Take nothing: `add_registered_method_handlers` brings the same handlers by name."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Keep the handlers of one service."""
        self.services[service] = handlers


def endpoints_of(binding: ServiceBinding) -> tuple[str, list[Endpoint]]:
    """Return the full name of the service and its unary methods.

    Raises ValueError where a system method does not exist: a typing error there would lock it, or open
    another.
    """
    collector = _Collector()
    binding.add_to_server(binding.servicer, collector)
    ((service, handlers),) = collector.services.items()
    unknown = binding.system_methods - handlers.keys()
    if unknown:
        raise ValueError(f"{service} has no methods {sorted(unknown)} to be system methods.")
    return service, [
        Endpoint(
            method=Method.of(
                f"/{service}/{name}",
                system=name in binding.system_methods,
                callers=None if binding.callers is None else binding.callers(name),
            ),
            call=handler.unary_unary,
            decode=handler.request_deserializer,
            encode=handler.response_serializer,
        )
        for name, handler in handlers.items()
        if handler.unary_unary is not None
    ]
