"""The gateway as an ASGI application: which handler a request goes to, and what is true of every answer."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from nova.gateway.http.graphql_socket import SocketRoute
from nova.gateway.http.request import Receive, Request, Scope, Send
from nova.gateway.http.response import FAILURES, Refused, Response, error_response
from nova.gateway.rates import Rates
from nova.platform.errors import Internal, NovaError
from nova.platform.health import Health
from nova.platform.limits.pace import Pace
from nova.platform.limits.quota import Verdict
from nova.platform.telemetry import metrics
from nova.platform.telemetry.tracing import Tracing

_log = structlog.get_logger(__name__)

Handler = Callable[[Request], Awaitable[Response]]

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
NO_ROUTE: Final = "none"
SLOW_LINES_PER_S: Final = 1.0
SLOW_LINES_AT_ONCE: Final = 10


@dataclass(frozen=True, slots=True)
class Route:
    """A path, or all below a prefix, and its handlers by method. `unmetered` is asked by machines.

    A request that takes longer than `objective_s` is logged.
    """

    name: str
    handlers: Mapping[str, Handler]
    unmetered: bool = False
    objective_s: float | None = None
    allow: str = field(init=False)

    def __post_init__(self) -> None:
        methods = dict.fromkeys([*self.handlers, *(["HEAD"] if self.heads else [])])
        object.__setattr__(self, "allow", ", ".join(methods))

    @property
    def heads(self) -> bool:
        """Whether HEAD is answered: as GET, but for /graphql, which answers queries."""
        return "GET" in self.handlers and "POST" not in self.handlers

    def count_from_nought(self) -> None:
        """Show what may fail before it does."""
        for method in self.handlers:
            for status in FAILURES:
                metrics.HTTP_REQUESTS.labels(method, self.name, str(status))

    def handler(self, method: str) -> Handler:
        """Return the handler of a method; raises `Refused`."""
        found = self.handlers.get("GET" if method == "HEAD" and self.heads else method)
        if found is None:
            raise Refused(405, f"Use {self.allow}.", headers={"allow": self.allow})
        return found


class GatewayApp:
    """Routes requests. `hosts` are the names that it answers for, beside those of the loopback."""

    def __init__(
        self,
        *,
        routes: Mapping[str, Route],
        prefixes: Mapping[str, Route],
        socket: SocketRoute,
        hosts: frozenset[str],
        rates: Rates | None,
        health: Health,
        tracing: Tracing,
    ) -> None:
        self._routes = routes
        self._prefixes = prefixes
        self._socket = socket
        self._hosts = hosts
        self._rates = rates
        self._health = health
        self._tracing = tracing
        self._slow_lines = Pace(SLOW_LINES_PER_S, burst=SLOW_LINES_AT_ONCE)
        for route in (*routes.values(), *prefixes.values()):
            route.count_from_nought()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or one socket."""
        if scope["type"] == "http":
            await self._http(Request(scope, receive), send)
        elif scope["type"] == "websocket":
            await self._websocket(Request(scope, receive), receive, send)
        else:
            raise TypeError(f"A scope of type {scope['type']} is not served.")

    async def _http(self, request: Request, send: Send) -> None:
        started = time.perf_counter()
        route = self._route(request)
        name = route.name if route else NO_ROUTE
        with self._tracing.request(f"{request.method} {name}", headers=request.trace_headers()):
            response = await self._answered(request, route)
            if self._health.draining:
                # The caller goes elsewhere by himself, before the connection is closed under his next request.
                response.headers["connection"] = "close"
            await _sent(response, request, send)
            took_s = time.perf_counter() - started
            if route is not None and route.objective_s is not None and took_s > route.objective_s:
                self._tell_slow(request, name, took_s)
        method = request.method if request.method in _METHODS else "OTHER"
        metrics.HTTP_REQUESTS.labels(method, name, str(response.status)).inc()
        metrics.HTTP_DURATION.labels(method, name).observe(took_s)

    def _tell_slow(self, request: Request, route: str, took_s: float) -> None:
        """Log a slow request: each that is traced, and of the others some, for there may be as many as requests."""
        if self._tracing.asked() or self._slow_lines.take():
            _log.info(
                "request_slow", route=route, took_ms=round(took_s * 1000), request_id=request.request_id
            )

    async def _answered(self, request: Request, route: Route | None) -> Response:
        try:
            if route is None or not route.unmetered:
                request.check_host(self._hosts)
                limited = self._limited(request)
                if limited is not None:
                    return limited
            handler = route.handler(request.method) if route else _nothing
            return await handler(request)
        except Refused as refused:
            return refused.response(request.request_id)
        except NovaError as error:
            return error_response(error, request.request_id)
        except Exception:  # noqa: BLE001 - whatever broke, the caller is told no more than that it did
            _log.exception("request_broke", path=request.path, request_id=request.request_id)
            metrics.UNKNOWN_ERRORS.labels("gateway", route.name if route else NO_ROUTE).inc()
            return error_response(Internal(), request.request_id)

    async def _websocket(self, request: Request, receive: Receive, send: Send) -> None:
        """Serve a socket, or refuse its handshake: pages of other origins get none."""
        try:
            self._check_handshake(request)
        except Refused as refused:
            await receive()
            response = refused.response(request.request_id)
            await send(
                {
                    "type": "websocket.http.response.start",
                    "status": response.status,
                    "headers": response.head(request.request_id),
                }
            )
            await send({"type": "websocket.http.response.body", "body": response.body})
            return
        await self._socket(request, receive, send)

    def _check_handshake(self, request: Request) -> None:
        request.check_host(self._hosts)
        if self._limited(request) is not None:
            raise Refused(429, "Too many requests.")
        if request.path != "/graphql" or not request.canonical:
            raise Refused(404, "There is nothing here.")
        if request.foreign_origin():
            raise Refused(403, "Pages of other origins get no socket.")

    def _route(self, request: Request) -> Route | None:
        """Return the route of a path that is written in its one form."""
        if not request.canonical:
            return None
        found = self._routes.get(request.path)
        if found is not None:
            return found
        return next(
            (
                route
                for prefix, route in self._prefixes.items()
                if request.path.startswith(prefix) and request.path != prefix
            ),
            None,
        )

    def _limited(self, request: Request) -> Response | None:
        """Return the refusal when the address has asked too much."""
        if self._rates is None:
            return None
        verdict: Verdict = self._rates.take_request(request.client.address)
        if verdict.allowed:
            return None
        try:
            verdict.require()
        except NovaError as error:
            response = error_response(error, request.request_id)
            response.headers.update({name.lower(): value for name, value in verdict.headers().items()})
            return response
        return None


async def _nothing(_request: Request) -> Response:
    raise Refused(404, "There is nothing here.")


async def _sent(response: Response, request: Request, send: Send) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": response.status,
            "headers": response.head(request.request_id),
        }
    )
    if response.stream is None or request.method == "HEAD":
        await send({"type": "http.response.body", "body": response.body})
        return
    async for part in response.stream:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
