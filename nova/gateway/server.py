"""The gateway's listener: uvicorn inside our own loop, with our signals, our socket and a hardened protocol."""

import asyncio
import socket
import time
from collections.abc import Sequence
from typing import Final

import uvicorn

from nova.gateway.app import GatewayApp
from nova.gateway.http.graphql_socket import SocketRoute
from nova.gateway.http.protocol import HardenedHttp

_BACKLOG: Final = 2048
_KEEP_ALIVE_S: Final = 15
_PING_EVERY_S: Final = 20.0
_DRAIN_LEAST_S: Final = 1


class GatewayServer:
    """Serves the gateway at `host` and `port`; port 0 takes a free one, and `port` says which."""

    def __init__(
        self,
        app: GatewayApp,
        sockets: SocketRoute,
        *,
        host: str,
        port: int,
        drain_s: float = 30.0,
        trusted_proxies: Sequence[str] = (),
        most_message_bytes: int = 1 << 20,
        protocol: type[HardenedHttp] = HardenedHttp,
    ) -> None:
        self._sockets = sockets
        self._drain_s = drain_s
        self._host = host
        self.port = port
        config = uvicorn.Config(
            app,
            http=protocol,
            ws="websockets-sansio",
            loop="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(trusted_proxies),
            forwarded_allow_ips=[*trusted_proxies],
            backlog=_BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE_S,
            ws_max_size=most_message_bytes,
            ws_per_message_deflate=False,
            ws_ping_interval=_PING_EVERY_S,
            ws_ping_timeout=_PING_EVERY_S,
        )
        self._server = uvicorn.Server(config)
        self._listener: socket.socket | None = None
        self._ticking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen and serve. Raises OSError when the address cannot be had."""
        self._listener = _bound(self._host, self.port)
        self.port = self._listener.getsockname()[1]
        self._server.config.load()
        self._server.lifespan = self._server.config.lifespan_class(self._server.config)
        await self._server.startup(sockets=[self._listener])
        self._ticking = asyncio.create_task(self._server.main_loop(), name="gateway.http")

    async def stop(self, *, within_s: float | None = None) -> None:
        """Take no more requests, let those in progress end within `within_s` (or what `drain_s` says), and close."""
        drain_s = self._drain_s if within_s is None else within_s
        ticking, self._ticking = self._ticking, None
        if ticking is None:
            return
        until = time.monotonic() + drain_s
        self._server.should_exit = True
        await ticking
        listener, self._listener = self._listener, None
        for server in self._server.servers:
            server.close()
        # Before uvicorn shuts down: it cuts sockets at once, and with them the operations on them.
        await self._sockets.drain(drain_s)
        left_s = max(round(until - time.monotonic()), _DRAIN_LEAST_S)
        self._server.config.timeout_graceful_shutdown = left_s
        await self._server.shutdown(sockets=[listener] if listener else None)
        self._sockets.close()


def _bound(host: str, port: int) -> socket.socket:
    """Return a socket that is bound, so that a busy port is an error of ours and not an exit of uvicorn's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
