"""The server of a room over TCP: grpc.aio, the house's middlewares, health and reflection."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, TypeAlias

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from nova.platform.rpc.binding import ServiceBinding, endpoints_of
from nova.platform.rpc.call import (
    ACCEPTING,
    MOST_METADATA_BYTES,
    MOST_REQUEST_BYTES,
    MOST_RESPONSE_BYTES,
    Middleware,
    chained,
)
from nova.platform.rpc.certificates import Certificates
from nova.platform.rpc.wire import StreamGuard, Streams, decoding, unary_handler, watch_handler
from nova.platform.strain import Strain

_HEALTH_EVERY_S = 1.0
CONNECTION_AGE_S: Final = 120
"""How long a connection lives at most: then its caller opens another, and looks up first who is there by now."""
_OPTIONS = (
    ("grpc.max_receive_message_length", MOST_REQUEST_BYTES),
    ("grpc.max_send_message_length", MOST_RESPONSE_BYTES),
    ("grpc.max_metadata_size", MOST_METADATA_BYTES),
    ("grpc.absolute_max_metadata_size", MOST_METADATA_BYTES),
    ("grpc.max_concurrent_streams", 1000),
    # Only identity: nothing inflates (bit 0 of the set of algorithms).
    ("grpc.compression_enabled_algorithms_bitset", 1),
    # Two servers on one port would share its calls in silence: the second one must fail.
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    # So new replicas get their share, long before an autoscaler judges by it how many there have to be.
    ("grpc.max_connection_age_ms", CONNECTION_AGE_S * 1000),
    ("grpc.max_connection_age_grace_ms", 30_000),
)

LIVENESS: Final = "liveness"
"""The name under which the health service says whether the process need not be restarted."""

Ask: TypeAlias = Callable[[], Awaitable[bool]]


class WireServer:
    """Serves the bindings of a room at `address` (`127.0.0.1:7005`; port 0 takes a free one).

    `ready` is asked each second and shown by the health service; so is `live`, under the name LIVENESS. With
    `certificates` callers must show one of the same authority, and are known by it. With `reflection` whoever connects
    may ask which methods there are, and with which messages. At the end callers are told `notice_s` before the port is
    closed, so that their next calls go elsewhere, and calls in flight get what is left of `drain_s`.
    """

    def __init__(
        self,
        address: str,
        bindings: Sequence[ServiceBinding],
        *,
        middlewares: Sequence[Middleware],
        ready: Ask | None = None,
        live: Ask | None = None,
        certificates: Certificates | None = None,
        strain: Strain | None = None,
        reflection: bool = True,
        drain_s: float = 30.0,
        notice_s: float = 0.0,
    ) -> None:
        self._address = address
        self._middlewares = middlewares
        self._ready = ready or _always
        self._live = live or _always
        self._certificates = certificates
        self._strain = strain
        self._reflection = reflection
        self._drain_s = drain_s
        self._notice_s = notice_s
        self._bindings = tuple(bindings)
        self._health = health.aio.HealthServicer()
        self._services: list[str] = []
        self._streams = Streams()
        self._server: grpc.aio.Server | None = None
        self._watch: asyncio.Task[None] | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen and serve. Raises OSError when the address cannot be had."""
        server = grpc.aio.server(options=_OPTIONS)
        for binding in (*self._bindings, self._health_binding()):
            self._bind(server, binding)
        if self._reflection:
            self._reflect(server)
        try:
            self.port = (
                server.add_insecure_port(self._address)
                if self._certificates is None
                else server.add_secure_port(self._address, self._certificates.server_credentials())
            )
        except RuntimeError as error:
            raise OSError(f"Cannot listen at {self._address}: another program may hold the port.") from error
        await self._health.set(ACCEPTING, health_pb2.HealthCheckResponse.SERVING)
        await server.start()
        self._server = server
        await self._show_health()
        self._watch = asyncio.create_task(self._keep_showing_health(), name="rpc.health")

    async def stop(self, *, within_s: float | None = None) -> None:
        """Say that the room no longer serves, let calls in flight end within `within_s` (or `drain_s`), cut the rest.

        Without the notice, which is part of that time, calls that are on their way while the port is closed would be
        lost.
        """
        drain_s = self._drain_s if within_s is None else within_s
        if self._watch is not None:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None
        server, self._server = self._server, None
        if server is not None:
            await self._health.enter_graceful_shutdown()
            self._streams.end()
            await asyncio.sleep(self._notice_s)
            await server.stop(max(drain_s - self._notice_s, 0.0))

    def _bind(self, server: grpc.aio.Server, binding: ServiceBinding) -> None:
        service, endpoints = endpoints_of(binding)
        if service in self._services:
            raise ValueError(f"{service} is bound already.")
        self._services.append(service)
        certified = self._certificates is not None
        handlers = {
            endpoint.method.name: unary_handler(
                endpoint,
                chained(endpoint.method, self._middlewares, decoding(endpoint)),
                certified=certified,
                strain=self._strain,
            )
            for endpoint in endpoints
        }
        if binding.servicer is self._health:
            handlers["Watch"] = watch_handler(self._health)
        server.add_registered_method_handlers(service, handlers)

    def _reflect(self, server: grpc.aio.Server) -> None:
        servicer = reflection.aio.ReflectionServicer((*self._services, reflection.SERVICE_NAME))
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(
            servicer, StreamGuard(server, self._streams)
        )

    def _health_binding(self) -> ServiceBinding:
        return ServiceBinding(
            add_to_server=health_pb2_grpc.add_HealthServicer_to_server,
            servicer=self._health,
            system_methods=frozenset({"Check"}),
        )

    async def _show_health(self) -> None:
        ready, live = _status(await self._ready()), _status(await self._live())
        for service in ("", *self._services):
            await self._health.set(service, ready)
        await self._health.set(LIVENESS, live)

    async def _keep_showing_health(self) -> None:
        while True:
            await asyncio.sleep(_HEALTH_EVERY_S)
            await self._show_health()


async def _always() -> bool:
    return True


def _status(holds: bool) -> health_pb2.HealthCheckResponse.ServingStatus:
    response = health_pb2.HealthCheckResponse
    return response.SERVING if holds else response.NOT_SERVING
