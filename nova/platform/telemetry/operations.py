"""What operators ask of any process at its metrics port: `/metrics`, and `/livez` and `/readyz` in the gateway's words.

It answers from threads of its own, so that a scrape does not hold the loop up. Health is asked on the loop.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from socketserver import TCPServer, ThreadingMixIn
from threading import Thread
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import structlog
from prometheus_client import make_wsgi_app

from nova.platform.errors import FailedPrecondition
from nova.platform.health import Health, Report

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_ANSWER_S: Final = 5.0
_END_S: Final = 0.05
_log = structlog.get_logger(__name__)


class MetricsPortTaken(FailedPrecondition):
    """The port of the metrics belongs to another program."""


@asynccontextmanager
async def operations(host: str, port: int, health: Health) -> AsyncIterator[None]:
    """Answer at `host:port` for the length of the block. Raises `MetricsPortTaken`."""
    try:
        server = (_ServerOf6 if ":" in host else _Server)((host, port), _Quiet)
    except OSError as error:
        raise MetricsPortTaken(
            f"{host}:{port} cannot be had ({error.strerror or error}): end the program that holds it, or set "
            "NOVA_METRICS_PORT to another port."
        ) from error
    server.set_app(_app(health, asyncio.get_running_loop()))
    thread = Thread(target=server.serve_forever, args=(_END_S,), name="operations", daemon=True)
    thread.start()
    try:
        yield
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        thread.join()


def _app(
    health: Health, loop: asyncio.AbstractEventLoop
) -> "Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]":
    asks: Mapping[str, Callable[[], Coroutine[Any, Any, Report]]] = {
        "/livez": health.live,
        "/readyz": health.ready,
    }
    metrics = make_wsgi_app()

    def answered(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        ask = asks.get(environ["PATH_INFO"])
        if ask is None:
            exposed: Iterable[bytes] = metrics(environ, start_response)
            return exposed
        report = _told(ask, loop)
        status = "200 OK" if report.ok else "503 Service Unavailable"
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps(report.words()).encode()]

    return answered


def _told(ask: Callable[[], Coroutine[Any, Any, Report]], loop: asyncio.AbstractEventLoop) -> Report:
    asking = asyncio.run_coroutine_threadsafe(ask(), loop)
    try:
        return asking.result(_ANSWER_S)
    except TimeoutError:
        asking.cancel()
        return Report({"loop": f"no answer within {_ANSWER_S:g} s"})


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Listen, without asking for a host name: where nothing knows one, that takes seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]
        self.setup_environ()

    def handle_error(self, *_: object) -> None:
        """Tell of a request that failed, as one whose sender said no more."""
        _log.info("operations_request_failed", exc_info=True)


class _ServerOf6(_Server):
    address_family = socket.AF_INET6


class _Quiet(WSGIRequestHandler):
    timeout = _ANSWER_S

    def log_message(self, *_: object) -> None:
        """Write nothing: scrapes come every few seconds."""
