"""From bytes on a connection to the middlewares and back.

grpc.aio is given no (de)serialisers: it hands over bytes, so that a message that cannot be read is refused
inside the chain, counted and in our words. (Left to itself it answers UNKNOWN with a class name.)
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, cast

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from nova.platform.errors import Internal, InvalidArgument, NovaError
from nova.platform.rpc.binding import Endpoint, ServicerContext
from nova.platform.rpc.bounds import check_entries
from nova.platform.rpc.call import (
    BUSY,
    MICROSECONDS,
    MOST_RESPONSE_BYTES,
    TIMEOUT_US,
    Call,
    Handler,
    Payload,
)
from nova.platform.rpc.peers import caller_of
from nova.platform.rpc.status import to_wire
from nova.platform.strain import TOLD_FROM, Strain

# Below this size no list can be long enough to hurt, so small requests are not walked.
_WALKED_BYTES = 16 << 10
_CONTEXT = ServicerContext()
_UNREADABLE = "The message cannot be read."

AioContext = grpc.aio.ServicerContext[bytes, bytes]


def decoding(endpoint: Endpoint) -> Handler:
    """Return the innermost step of a served method: read, call the servicer, write.

    It stands inside the chain, so that nobody without a good token makes us parse a message.
    """
    decode, call_servicer, encode = endpoint.decode, endpoint.call, endpoint.encode

    async def decoded(request: Payload, _call: Call) -> Payload:
        raw = cast("bytes", request)
        try:
            message = decode(raw)
        except DecodeError as error:
            raise InvalidArgument(_UNREADABLE, reason="MESSAGE_UNREADABLE") from error
        if len(raw) > _WALKED_BYTES:
            check_entries(message)
        answer = encode(await call_servicer(message, _CONTEXT))
        if len(answer) > MOST_RESPONSE_BYTES:
            raise Internal("The answer is too large: ask for fewer entries.", reason="ANSWER_TOO_LARGE")
        return answer

    return decoded


def unary_handler(
    endpoint: Endpoint, handler: Handler, *, certified: bool, strain: Strain | None
) -> "grpc.RpcMethodHandler[bytes, bytes]":
    """Return what grpc.aio registers for a method: metadata, deadline and caller in, status out.

    `certified` says that callers show certificates, so that it is known who they are. Callers are told of `strain`.
    """
    method = endpoint.method

    async def served(raw: bytes, context: AioContext) -> bytes:
        metadata = _texts(context.invocation_metadata() or ())
        remaining_s = _remaining_s(context.time_remaining(), metadata.get(TIMEOUT_US))
        deadline = None if remaining_s is None else time.monotonic() + remaining_s
        caller = caller_of(cast("Any", context.auth_context())) if certified else None
        call = Call(method=method, metadata=metadata, deadline=deadline, caller=caller)
        try:
            answer = cast("bytes", await handler(raw, call))
        except NovaError as error:
            return await context.abort(*to_wire(error))
        if strain is not None and (busy := strain.busy) >= TOLD_FROM:
            context.set_trailing_metadata(((BUSY, str(round(100 * busy))),))
        return answer

    return _registered(served)


def _registered(
    served: Callable[[bytes, AioContext], Awaitable[bytes]],
) -> "grpc.RpcMethodHandler[bytes, bytes]":
    # The stubs describe the synchronous servers only; a coroutine function is what grpc.aio asks for.
    return grpc.unary_unary_rpc_method_handler(cast("Any", served))


def _remaining_s(grpc_s: float | None, exact_us: str | None) -> float | None:
    """Return how long the caller waits: the exact time-out where it sent one, never longer than gRPC's."""
    if exact_us is None or not MICROSECONDS.fullmatch(exact_us):
        return grpc_s
    exact_s = int(exact_us) / 1e6
    return exact_s if grpc_s is None else min(grpc_s, exact_s)


def _texts(pairs: Iterable[tuple[str, str | bytes]]) -> dict[str, str]:
    """Return the text metadata by key. Values of one key are joined, so a double token is never valid."""
    texts: dict[str, str] = {}
    for key, value in pairs:
        if isinstance(value, str):
            texts[key] = f"{texts[key]},{value}" if key in texts else value
    return texts


def watch_handler(servicer: Any) -> "grpc.RpcMethodHandler[bytes, Any]":  # noqa: ANN401 - the library is untyped
    """Return the handler of the health service's `Watch`, guarded against unreadable bytes."""

    async def watched(raw: bytes, context: AioContext) -> None:
        try:
            request = HealthCheckRequest.FromString(raw)
        except DecodeError:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, _UNREADABLE)
        await servicer.Watch(request, context)

    return grpc.unary_stream_rpc_method_handler(
        cast("Any", watched), response_serializer=HealthCheckResponse.SerializeToString
    )


class Streams:
    """The open streams of a server. They last for as long as their callers like, so they end when the server does."""

    def __init__(self) -> None:
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Take no more messages: every stream comes to its end."""
        self._ending.set()

    async def taken(self, raws: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield what a caller sends until the end of his stream, or of all."""
        ending = asyncio.ensure_future(self._ending.wait())
        try:
            while True:
                coming = asyncio.ensure_future(anext(raws, None))
                await asyncio.wait({coming, ending}, return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    coming.cancel()
                    return
                if (raw := coming.result()) is None:
                    return
                yield raw
        finally:
            ending.cancel()


class StreamGuard:
    """Registers the streams of a library's service (reflection), guarded against unreadable bytes."""

    def __init__(self, server: grpc.aio.Server, streams: Streams) -> None:
        self._server = server
        self._streams = streams

    def add_generic_rpc_handlers(self, handlers: Iterable[object]) -> None:
        """Take nothing: `add_registered_method_handlers` brings the same handlers by name."""

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        """Register the stream-to-stream handlers of `service`."""
        guarded = {name: _guarded(handler, self._streams) for name, handler in handlers.items()}
        self._server.add_registered_method_handlers(service, guarded)


def _guarded(handler: Any, streams: Streams) -> "grpc.RpcMethodHandler[bytes, Any]":  # noqa: ANN401 - gRPC's handlers are untyped
    async def streamed(raws: AsyncIterator[bytes], context: AioContext) -> AsyncIterator[Any]:
        async def messages() -> AsyncIterator[Any]:
            async for raw in streams.taken(raws):
                try:
                    message = handler.request_deserializer(raw)
                except DecodeError:
                    await context.abort(grpc.StatusCode.INVALID_ARGUMENT, _UNREADABLE)
                yield message

        async for answer in handler.stream_stream(messages(), context):
            yield answer

    return grpc.stream_stream_rpc_method_handler(
        cast("Any", streamed), response_serializer=handler.response_serializer
    )
