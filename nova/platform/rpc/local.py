"""The server of one process: servicers by path, called in the caller's own task."""

from collections.abc import Sequence
from typing import cast

from google.protobuf.message import Message

from nova.platform.errors import Unavailable
from nova.platform.rpc.binding import Endpoint, ServiceBinding, ServicerContext, endpoints_of
from nova.platform.rpc.call import Call, Handler, Middleware, Payload, chained
from nova.platform.rpc.status import unimplemented

_CONTEXT = ServicerContext()


class LocalServer:
    """Holds the methods of all rooms of a process behind the server's middlewares.

    Rooms are bound one after another and may call each other, so a channel looks its method up at the first
    call.
    """

    def __init__(self, middlewares: Sequence[Middleware]) -> None:
        self._middlewares = middlewares
        self._services: set[str] = set()
        self._handlers: dict[str, Handler] = {}
        self._serving = False

    @property
    def serving(self) -> bool:
        """Whether calls are taken."""
        return self._serving

    def bind(self, bindings: Sequence[ServiceBinding]) -> None:
        """Add the services of a room. Raises ValueError when one is bound twice."""
        for binding in bindings:
            service, endpoints = endpoints_of(binding)
            if service in self._services:
                raise ValueError(f"{service} is bound already.")
            self._services.add(service)
            for endpoint in endpoints:
                handler = chained(endpoint.method, self._middlewares, _direct(endpoint))
                self._handlers[endpoint.method.path] = handler

    def handler(self, path: str) -> Handler:
        """Return the handler of a method. Raises `Unavailable` while nothing is served."""
        if not self._serving:
            raise Unavailable
        handler = self._handlers.get(path)
        if handler is None:
            raise unimplemented()
        return handler

    async def start(self) -> None:
        """Take calls."""
        self._serving = True

    async def stop(self) -> None:
        """Refuse new calls. Those in flight run in the tasks of their callers and end with them."""
        self._serving = False


def _direct(endpoint: Endpoint) -> Handler:
    call_servicer = endpoint.call

    async def direct(request: Payload, _call: Call) -> Payload:
        return await call_servicer(cast("Message", request), _CONTEXT)

    return direct
