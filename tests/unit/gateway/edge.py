"""The real gateway before a town that is played: everything but the rooms is what production runs."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

import orjson

from nova.api.user.v1.user_pb2 import Profile
from nova.gateway.wiring import Gateway, build
from nova.platform.auth.epochs import RevocationView
from nova.platform.auth.keys import KeyRing
from nova.platform.auth.tokens import Verifier
from nova.platform.blobs import Blobs
from nova.platform.cache.caches import Caches
from nova.platform.cache.codec import ProtoCodec
from nova.platform.clock import SystemClock
from nova.platform.config import Config, Limits, Server
from nova.platform.health import Health
from nova.platform.platform import Platform
from nova.platform.redis.client import connect
from nova.platform.rpc.channel import LocalChannel
from nova.platform.rpc.local import LocalServer
from nova.platform.rpc.server_chain import server_middlewares
from nova.platform.tasks import Tasks
from nova.platform.telemetry.tracing import Tracing
from nova.policy.caches import PROFILES
from tests.unit.gateway.town import Town
from tests.unit.gateway.town_rooms import bindings


@dataclass(frozen=True)
class Reply:
    """What came back over ASGI."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass
class Edge:
    """A gateway, and the town behind it. `ask` goes through the whole application, without a socket."""

    gateway: Gateway
    town: Town
    platform: Platform
    revocations: RevocationView

    async def ask(
        self,
        query: str | None = None,
        *,
        viewer: bytes | None = None,
        variables: Mapping[str, Any] | None = None,
        accept: str = "application/graphql-response+json",
        **members: Any,
    ) -> Reply:
        body = {"query": query, "variables": variables, **members}
        headers = {"accept": accept, "content-type": "application/json"}
        if viewer is not None:
            headers["authorization"] = f"Bearer {self.town.token(viewer)}"
        kept = {name: value for name, value in body.items() if value is not None}
        return await self.send("POST", "/graphql", headers=headers, body=orjson.dumps(kept))

    async def data(self, query: str, **options: Any) -> Any:
        """Return the data of an operation that has no errors."""
        answer = (await self.ask(query, **options)).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def code(self, query: str | None = None, **options: Any) -> str:
        """Return the code of the first error."""
        answer = (await self.ask(query, **options)).json()
        code: str = answer["errors"][0]["extensions"]["code"]
        return code

    async def send(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        peer: str = "127.0.0.1",
    ) -> Reply:
        path, _, query = target.partition("?")
        sent: list[Any] = []
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [
                (name.lower().encode(), value.encode("latin-1"))
                for name, value in {"host": "localhost", **(headers or {})}.items()
            ],
            "client": (peer, 50000),
        }

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.gateway.app(scope, receive, send)
        start, *parts = sent
        found = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
        return Reply(start["status"], found, b"".join(part.get("body", b"") for part in parts))


def without_rates(config: Config | None = None) -> Config:
    """Return a configuration without rate limits, at a free port."""
    base = config or Config()
    return replace(base, limits=Limits(enabled=False), server=Server(port=0))


@asynccontextmanager
async def edge(town: Town, redis_url: str, *, config: Config | None = None) -> AsyncIterator[Edge]:
    """Yield a gateway on the real Redis."""
    config, clock, tracing = config or without_rates(), SystemClock(), Tracing()
    redis = await connect(redis_url)
    caches = Caches(redis, redis_url, clock=clock, knobs=config.cache)
    revocations = RevocationView(clock=clock)
    verifier = Verifier(KeyRing(town.issuer.keys(), clock=clock), clock=clock, revocations=revocations)
    local = LocalServer(server_middlewares(authenticate=verifier.actor, tracing=tracing))
    local.bind(bindings(town))
    await local.start()
    tasks = Tasks()
    channel = LocalChannel(local, tracing=tracing)
    platform = Platform(
        config=config,
        clock=clock,
        database=cast("Any", None),
        redis=redis,
        caches=caches,
        log=cast("Any", None),
        blobs=Blobs.local(config.server.data / "blobs"),
        channel=lambda _room: channel,
        verifier=verifier,
        revocations=revocations,
        tasks=tasks,
        health=Health(),
        tracing=tracing,
    )
    gateway = build(platform)
    # As the user room does: opened to be told of changes, not to be read.
    town.card_changed = caches.open(PROFILES, ProtoCodec(Profile), entries=1).invalidate
    await caches.start()
    try:
        yield Edge(gateway, town, platform, revocations)
    finally:
        await caches.aclose()
        await platform.blobs.aclose()
        await tasks.aclose()
        await redis.aclose()
