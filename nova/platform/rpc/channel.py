"""Channels: how a room calls another, through generated stubs.

Both kinds are a `grpc.aio.Channel` as far as stubs and mypy are concerned, offer unary calls only, and run
the same client middlewares. They differ in the last step alone: bytes over HTTP/2, or a message handed to
the servicer.
"""

import time
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, NoReturn, Self, cast

import grpc
from google.protobuf.message import DecodeError, Message

from nova.platform.errors import Internal, InvalidArgument, NovaError
from nova.platform.rpc.call import (
    MOST_METADATA_BYTES,
    MOST_REQUEST_BYTES,
    MOST_RESPONSE_BYTES,
    TIMEOUT_US,
    Call,
    Handler,
    Method,
    Payload,
    Policy,
    chained,
)
from nova.platform.rpc.client_chain import client_middlewares
from nova.platform.rpc.local import LocalServer
from nova.platform.rpc.status import flattened, from_wire
from nova.platform.telemetry.tracing import Tracing

Encode = Callable[[Any], bytes]
Decode = Callable[[bytes], Any]
Unary = grpc.aio.UnaryUnaryMultiCallable[Any, Any]

_ROUND_ROBIN = '{"loadBalancingConfig": [{"round_robin": {}}]}'
_CLIENT_OPTIONS = (
    ("grpc.service_config", _ROUND_ROBIN),
    ("grpc.max_send_message_length", MOST_REQUEST_BYTES),
    ("grpc.max_receive_message_length", MOST_RESPONSE_BYTES),
    ("grpc.absolute_max_metadata_size", 2 * MOST_METADATA_BYTES),
    # A peer that vanished without a word is noticed within 40 s, also by an idle channel.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


class Channel(grpc.aio.Channel):
    """What stubs are built on: `ContentServiceStub(channel)`.

    Calls raise `NovaError`s by code and nothing of gRPC; see `nova.platform.rpc.status.from_wire`.
    """

    def __init__(self, *, tracing: Tracing, policy: Policy | None = None) -> None:
        self._middlewares = client_middlewares(tracing=tracing, policy=policy)

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
            return handler(request, Call(method=facts, metadata={}, deadline=until))

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
    """Calls servicers of this process, without serialising.

    The callee works on a copy of the request, so neither side can change it under the other; the response
    is the caller's.
    """

    def __init__(self, server: LocalServer, *, tracing: Tracing, policy: Policy | None = None) -> None:
        super().__init__(tracing=tracing, policy=policy)
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


class WireChannel(Channel):
    """Calls a room over HTTP/2 at `target`, such as `content:7005` or `dns:///content:7005`."""

    def __init__(
        self,
        target: str,
        *,
        tracing: Tracing,
        policy: Policy | None = None,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        super().__init__(tracing=tracing, policy=policy)
        self._channel = (
            grpc.aio.insecure_channel(target, options=_CLIENT_OPTIONS)
            if credentials is None
            else grpc.aio.secure_channel(target, credentials, options=_CLIENT_OPTIONS)
        )

    def _transport(self, method: Method, encode: Encode, decode: Decode, /) -> Handler:
        # Bytes in and out: what cannot be read or written is then our error, not the library's.
        ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(method.path)

        async def sent(request: Payload, call: Call) -> Payload:
            raw = encode(request)
            _check_size(len(raw))
            headers = list(call.metadata.items())
            timeout_s = None
            if call.deadline is not None:
                timeout_s = max(call.deadline - time.monotonic(), 0.0)
                headers.append((TIMEOUT_US, str(int(timeout_s * 1e6))))
            try:
                answer = await ask(raw, timeout=timeout_s, metadata=tuple(headers))
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

    async def close(self, grace: float | None = None) -> None:
        """Close the connections; calls in flight get `grace` seconds."""
        await self._channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """Return the state of the connection."""
        return self._channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Wait until the connection is no longer in `last_observed_state`."""
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Wait until the connection stands."""
        await self._channel.channel_ready()


def _check_size(size: int) -> None:
    if size > MOST_REQUEST_BYTES:
        raise InvalidArgument(
            f"The message has {size} bytes; at most {MOST_REQUEST_BYTES} are taken.", reason="CALL_TOO_LARGE"
        )


def _unary_only(method: str) -> NotImplementedError:
    return NotImplementedError(f"{method} streams; calls between rooms are unary.")
