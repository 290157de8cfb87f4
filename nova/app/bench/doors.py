"""The rooms' own gRPC ports, called as a part of the platform that may call there: bytes in, bytes out.

Nothing of ours stands between but the library, so that the client's share of what is timed is small.
"""

import asyncio
from pathlib import Path
from typing import Final

import grpc

from nova.app.authority import files_of
from nova.app.callers import GATEWAY, callers_of
from nova.platform.config import Server
from nova.platform.errors import NovaError
from nova.platform.rpc.call import AUTHORIZATION, DEFAULT_TIMEOUT_S, MOST_RESPONSE_BYTES
from nova.platform.rpc.certificates import Certificates
from nova.platform.rpc.channel import Ask
from nova.platform.rpc.peers import host_of
from nova.platform.rpc.status import from_wire

TIMEOUT_S: Final = DEFAULT_TIMEOUT_S
_OPTIONS: Final = (("grpc.max_receive_message_length", MOST_RESPONSE_BYTES),)


class Doors:
    """All rooms that listen above the port `base`: over mutual TLS with the folder of an authority, else in plain text.

    `aclose` it at the end.
    """

    def __init__(self, base: int, certificates: Path | None) -> None:
        self._server = Server(grpc_port_base=base)
        self._certificates = certificates
        self._channels: dict[tuple[str, str], grpc.aio.Channel] = {}

    async def aclose(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(channel.close() for channel in self._channels.values()))

    async def ask(self, room: str, method: str, request: bytes, token: str = "") -> bytes:
        """Call a method, in somebody's name where there is a token. Raises a `NovaError` by code."""
        metadata = ((AUTHORIZATION, f"Bearer {token}"),) if token else ()
        path = f"/nova.api.{room}.v1.{room.title()}Service/{method}"
        call: Ask = self._channel(room, caller_of(room, method)).unary_unary(path)
        try:
            answer: bytes = await call(request, timeout=TIMEOUT_S, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise _known(error) from error
        return answer

    def _channel(self, room: str, part: str) -> grpc.aio.Channel:
        if (room, part) not in self._channels:
            self._channels[room, part] = self._opened(self._server.grpc_listens_at(room), room, part)
        return self._channels[room, part]

    def _opened(self, address: str, room: str, part: str) -> grpc.aio.Channel:
        if self._certificates is None:
            return grpc.aio.insecure_channel(address, options=_OPTIONS)
        held = Certificates(files_of(self._certificates, part), part).held
        named = (*_OPTIONS, ("grpc.ssl_target_name_override", host_of(room)))
        return grpc.aio.secure_channel(address, held.for_channel(), options=named)


def caller_of(room: str, method: str) -> str:
    """Return the part that calls a method in a benchmark: the gateway where it may, else the first that may."""
    callers = callers_of(room, method)
    return GATEWAY if GATEWAY in callers else min(callers)


def _known(error: grpc.aio.AioRpcError) -> NovaError:
    return from_wire(error.code(), error.details() or "", error.trailing_metadata() or ())
