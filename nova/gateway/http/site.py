"""What stands beside the API: the playground, the public keys, health and metrics."""

import hashlib
import time
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from nova.api.identity.v1 import identity_pb2
from nova.api.identity.v1.identity_pb2_grpc import IdentityServiceStub
from nova.gateway.http.request import Request
from nova.gateway.http.response import Refused, Response, json_response
from nova.platform.clock import Clock
from nova.platform.health import Health, Report
from nova.platform.rpc.context import CallContext, entered
from nova.platform.telemetry.metrics import exposition

_PAGE: Final = b"""<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Nova playground</title>
  <link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'%3E
    %3Cpath fill='%23d60590' d='M12 0l3 9 9 3-9 3-3 9-3-9-9-3 9-3z'/%3E%3C/svg%3E">
  <link rel="stylesheet" href="/playground/playground.css">
  <style>html, body, #playground { height: 100%; margin: 0; }</style>
</head>
<body>
  <div id="playground">Loading\xe2\x80\xa6</div>
  <script src="/playground/playground.js"></script>
</body>
</html>
"""
_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "img-src 'self' data:; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_FILES: Final[Mapping[str, str]] = {
    "playground.js": "text/javascript; charset=utf-8",
    "playground.css": "text/css; charset=utf-8",
    "LICENSES.txt": "text/plain; charset=utf-8",
}
_METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_KEYS_FRESH_S: Final = 30.0
_KEYS_TIMEOUT_S: Final = 2.0


class Playground:
    """GraphiQL, from the package's own files: it needs no internet."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[bytes, str]] = {}

    async def page(self, _request: Request) -> Response:
        """Return the page."""
        headers = {"content-security-policy": _PAGE_POLICY, "cache-control": "no-cache"}
        return Response(body=_PAGE, content_type="text/html; charset=utf-8", headers=headers)

    async def file(self, request: Request) -> Response:
        """Return one of the files that the page needs; they are read once, when first asked for."""
        name = request.path.rpartition("/")[2]
        if name not in _FILES:
            raise Refused(404, "There is nothing here.")
        if name not in self._files:
            body = files("nova.gateway").joinpath("playground", name).read_bytes()
            self._files[name] = body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        body, etag = self._files[name]
        headers = {"etag": etag, "cache-control": "public, no-cache"}
        if request.headers.get("if-none-match") == etag:
            return Response(304, headers=headers)
        return Response(body=body, content_type=_FILES[name], headers=headers)


class KeySet:
    """The keys that verify our tokens (RFC 7517), as identity publishes them."""

    def __init__(self, identity: IdentityServiceStub, clock: Clock) -> None:
        self._identity = identity
        self._clock = clock
        self._body = b""
        self._until = 0.0

    async def __call__(self, request: Request) -> Response:
        """Return the JWK Set."""
        now = self._clock.monotonic()
        if not self._body or now >= self._until:
            context = CallContext(
                deadline=time.monotonic() + _KEYS_TIMEOUT_S, correlation_id=request.request_id
            )
            with entered(context):
                answer = await self._identity.GetKeySet(identity_pb2.GetKeySetRequest())
            self._body, self._until = answer.jwks_json.encode(), now + _KEYS_FRESH_S
        headers = {"cache-control": f"public, max-age={_KEYS_FRESH_S:.0f}"}
        return Response(body=self._body, content_type="application/jwk-set+json", headers=headers)


class Operations:
    """What the operators ask."""

    def __init__(self, health: Health) -> None:
        self._health = health

    async def live(self, _request: Request) -> Response:
        """Say whether the process need not be restarted."""
        return _report(await self._health.live())

    async def ready(self, _request: Request) -> Response:
        """Say whether requests should be sent here."""
        return _report(await self._health.ready())

    async def metrics(self, request: Request) -> Response:
        """Return what Prometheus scrapes, to this machine alone: for all others there is nothing here."""
        if not request.inside:
            raise Refused(404, "There is nothing here.")
        return Response(body=exposition(), content_type=_METRICS_TYPE)


def _report(report: Report) -> Response:
    response = json_response(report.words())
    response.status = 200 if report.ok else 503
    return response
