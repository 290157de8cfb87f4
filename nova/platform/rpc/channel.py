"""Channels: how a room calls another, through generated stubs.

Both kinds are a `grpc.aio.Channel` as far as stubs and mypy are concerned, offer unary calls only, and run
the same client middlewares. They differ in the last step alone: bytes over HTTP/2, or a message handed to
the servicer.
"""

import asyncio
import json
import time
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, NoReturn, Self, cast

import grpc
from google.protobuf.message import DecodeError, Message

from nova.platform.errors import Internal, InvalidArgument, NovaError
from nova.platform.rpc.call import (
    ACCEPTING,
    BUSY,
    LONGEST_TIMEOUT_S,
    MOST_METADATA_BYTES,
    MOST_REQUEST_BYTES,
    MOST_RESPONSE_BYTES,
    PERCENT,
    TIMEOUT_US,
    Call,
    Handler,
    Method,
    Payload,
    Policy,
    chained,
)
from nova.platform.rpc.certificates import Certificates
from nova.platform.rpc.client_chain import client_middlewares
from nova.platform.rpc.local import LocalServer
from nova.platform.rpc.peers import host_of
from nova.platform.rpc.status import flattened, from_wire
from nova.platform.strain import Strain
from nova.platform.telemetry.tracing import Tracing

Encode = Callable[[Any], bytes]
Decode = Callable[[bytes], Any]
Unary = grpc.aio.UnaryUnaryMultiCallable[Any, Any]
Ask = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]

LONGEST_RECONNECT_S = 2.0
"""A room that comes back is found again within this time, and a fifth of it (gRPC's jitter)."""

# Calls go to all addresses of a room in turn, except to a server that has said that it ends.
_SERVICE_CONFIG = json.dumps(
    {"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": ACCEPTING}}
)
_CLIENT_OPTIONS: tuple[tuple[str, str | int], ...] = (
    ("grpc.service_config", _SERVICE_CONFIG),
    ("grpc.max_send_message_length", MOST_REQUEST_BYTES),
    ("grpc.max_receive_message_length", MOST_RESPONSE_BYTES),
    ("grpc.absolute_max_metadata_size", 2 * MOST_METADATA_BYTES),
    # A peer that vanished without a word is noticed within 40 s, also by an idle channel.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    # Despite its name: how long an attempt may take. A handshake on a busy machine takes more than 100 ms.
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", int(LONGEST_RECONNECT_S * 1000)),
)


class Channel(grpc.aio.Channel):
    """What stubs are built on: `ContentServiceStub(channel)`.

    Calls raise `NovaError`s by code and nothing of gRPC; see `nova.platform.rpc.status.from_wire`.
    """

    def __init__(self, *, tracing: Tracing, policy: Policy | None = None, caller: str | None = None) -> None:
        self._middlewares = client_middlewares(tracing=tracing, policy=policy)
        self._caller = caller

    @abstractmethod
    def _transport(self, method: Method, encode: Encode, decode: Decode, /) -> Handler:
        """Return the last step of a call."""

    def unary_unary(
        self,
        method: str,
        request_serializer: Encode | None = None,
        response_deserializer: Decode | None = None,
        _registered_method: bool | None = False,
    ) -> Unary:
        """Return the function that calls `method` (a gRPC path); generated stubs ask for it."""
        if request_serializer is None or response_deserializer is None:
            raise ValueError(
                f"{method} needs its serializer and deserializer: build the channel's stubs by protoc."
            )
        facts = Method.of(method)
        handler = chained(
            facts, self._middlewares, self._transport(facts, request_serializer, response_deserializer)
        )

        def called(request: Message, *, timeout: float | None = None) -> Awaitable[Payload]:
            until = None if timeout is None else time.monotonic() + timeout
            return handler(request, Call(method=facts, metadata={}, deadline=until, caller=self._caller))

        # Stubs await what this returns and do nothing else with it, which a coroutine serves as well as a
        # call object.
        return cast("Unary", called)

    def unary_stream(self, method: str, *_: object, **__: object) -> NoReturn:
        """Refuse: calls between rooms are unary."""
        raise _unary_only(method)

    def stream_unary(self, method: str, *_: object, **__: object) -> NoReturn:
        """Refuse: calls between rooms are unary."""
        raise _unary_only(method)

    def stream_stream(self, method: str, *_: object, **__: object) -> NoReturn:
        """Refuse: calls between rooms are unary."""
        raise _unary_only(method)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.close()


class LocalChannel(Channel):
    """Calls servicers of this process, without serialising, as the part `caller` of the platform.

    The callee works on a copy of the request, so neither side can change it under the other; the response
    is the caller's.
    """

    def __init__(
        self,
        server: LocalServer,
        *,
        tracing: Tracing,
        policy: Policy | None = None,
        caller: str | None = None,
    ) -> None:
        super().__init__(tracing=tracing, policy=policy, caller=caller)
        self._server = server

    def _transport(self, method: Method, _encode: Encode, _decode: Decode, /) -> Handler:
        served: Handler | None = None

        async def handed_over(request: Payload, call: Call) -> Payload:
            nonlocal served
            if served is None or not self._server.serving:
                served = self._server.handler(method.path)
            message = cast("Message", request)
            _check_size(message.ByteSize())
            copy = type(message)()
            copy.CopyFrom(message)
            try:
                return await served(copy, call)
            except NovaError as error:
                raise flattened(error) from error

        return handed_over

    async def close(self, grace: float | None = None) -> None:
        """Do nothing: the channel holds no connection."""

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: ARG002 - gRPC's
        """Return READY while the server serves."""
        ready = grpc.ChannelConnectivity.READY
        return ready if self._server.serving else grpc.ChannelConnectivity.IDLE

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> NoReturn:
        """Refuse: a local channel does not connect."""
        raise NotImplementedError(f"A local channel does not leave {last_observed_state} by itself.")

    async def channel_ready(self) -> None:
        """Return at once: there is nothing to connect to."""


class _Connection:
    """A channel of the library, and the functions that call its methods: bytes in, bytes out."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self._asks: dict[str, Ask] = {}

    def ask(self, path: str) -> Ask:
        """Return what calls a method."""
        ask = self._asks.get(path)
        if ask is None:
            ask = self._asks[path] = self.channel.unary_unary(path)
        return ask


class WireChannel(Channel):
    """Calls the room `room` over HTTP/2 at `target`, such as `content:7005` or `dns:///content:7005`.

    With `certificates` the far end must prove to be that room. When they are renewed, calls go over a new
    connection; those in flight end on the old one. How busy the room is, is told to `strain`.
    """

    def __init__(
        self,
        target: str,
        *,
        room: str,
        tracing: Tracing,
        policy: Policy | None = None,
        certificates: Certificates | None = None,
        strain: Strain | None = None,
    ) -> None:
        super().__init__(tracing=tracing, policy=policy)
        self._target = target
        self._room = room
        self._certificates = certificates
        self._strain = strain
        self._held = certificates.held if certificates is not None else None
        self._connection = self._opened()
        self._closing: set[asyncio.Task[None]] = set()

    def _opened(self) -> _Connection:
        if self._held is None:
            return _Connection(grpc.aio.insecure_channel(self._target, options=_CLIENT_OPTIONS))
        named = (*_CLIENT_OPTIONS, ("grpc.ssl_target_name_override", host_of(self._room)))
        return _Connection(grpc.aio.secure_channel(self._target, self._held.for_channel(), options=named))

    def _newest(self) -> _Connection:
        """Return the connection that shows the newest certificate."""
        if self._certificates is None or self._certificates.held is self._held:
            return self._connection
        self._held = self._certificates.held
        old, self._connection = self._connection, self._opened()
        closing = asyncio.create_task(old.channel.close(LONGEST_TIMEOUT_S), name="rpc.renewed")
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        return self._connection

    def _transport(self, method: Method, encode: Encode, decode: Decode, /) -> Handler:
        async def sent(request: Payload, call: Call) -> Payload:
            raw = encode(request)
            _check_size(len(raw))
            headers = list(call.metadata.items())
            timeout_s = None
            if call.deadline is not None:
                timeout_s = max(call.deadline - time.monotonic(), 0.0)
                headers.append((TIMEOUT_US, str(int(timeout_s * 1e6))))
            try:
                # Bytes in and out: what cannot be read or written is then our error, not the library's.
                ask = self._newest().ask(method.path)
                answering = ask(raw, timeout=timeout_s, metadata=tuple(headers))
                answer = await answering
                self._hear(await answering.trailing_metadata())
            except grpc.aio.AioRpcError as error:
                raise from_wire(
                    error.code(), error.details() or "", error.trailing_metadata() or ()
                ) from error
            try:
                return cast("Message", decode(answer))
            except DecodeError as error:
                raise Internal(
                    f"The answer of {method.path} cannot be read.", reason="ANSWER_UNREADABLE"
                ) from error

        return sent

    def _hear(self, trailing: grpc.aio.Metadata | None) -> None:
        told = trailing.get(BUSY) if trailing and self._strain is not None else None
        if self._strain is not None and isinstance(told, str) and PERCENT.fullmatch(told):
            self._strain.tell(int(told) / 100)

    async def close(self, grace: float | None = None) -> None:
        """Close the connections; calls in flight get `grace` seconds."""
        await asyncio.gather(self._connection.channel.close(grace), *self._closing)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """Return the state of the connection."""
        return self._connection.channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Wait until the connection is no longer in `last_observed_state`."""
        await self._connection.channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Wait until the connection stands."""
        await self._connection.channel.channel_ready()


def _check_size(size: int) -> None:
    if size > MOST_REQUEST_BYTES:
        raise InvalidArgument(
            f"The message has {size} bytes; at most {MOST_REQUEST_BYTES} are taken.", reason="CALL_TOO_LARGE"
        )


def _unary_only(method: str) -> NotImplementedError:
    return NotImplementedError(f"{method} streams; calls between rooms are unary.")
