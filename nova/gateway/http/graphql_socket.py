"""Operations over a WebSocket: the `graphql-transport-ws` protocol of graphql-ws, to the letter.

Every operation obeys the limits of the HTTP door. A socket lives no longer than the token it was opened with: it is
closed when that expires, and within a second of its revocation.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import orjson

from nova.gateway.auth import verified
from nova.gateway.engine import Caller, Engine
from nova.gateway.errors import nova_error
from nova.gateway.http import strict_json
from nova.gateway.http.graphql import request_of
from nova.gateway.http.request import Receive, Request, Send
from nova.gateway.rates import Rates
from nova.platform.auth.epochs import Revocation, RevocationView
from nova.platform.auth.tokens import Verified, Verifier
from nova.platform.clock import Clock
from nova.platform.errors import NovaError, RateLimited, Unavailable
from nova.platform.telemetry.tracing import Tracing

SUBPROTOCOL: Final = "graphql-transport-ws"
INIT_TIMEOUT_S: Final = 3.0
SEND_TIMEOUT_S: Final = 10.0
MOST_OPERATIONS: Final = 20
_MOST_ID: Final = 128
_MOST_REASON_BYTES: Final = 123

BAD_REQUEST: Final = 4400
UNAUTHORIZED: Final = 4401
FORBIDDEN: Final = 4403
BAD_SUBPROTOCOL: Final = 4406
INIT_TIMEOUT: Final = 4408
DUPLICATE_ID: Final = 4409
TOO_MANY_INITS: Final = 4429


class _Closing(Exception):
    """Ends the connection with a close code of the protocol."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(reason)


class SocketRoute:
    """The handler of WebSockets on /graphql. It hears of revocations once, for all sockets."""

    def __init__(
        self,
        *,
        engine: Engine,
        verifier: Verifier,
        revocations: RevocationView,
        rates: Rates | None,
        clock: Clock,
        tracing: Tracing,
        init_timeout_s: float = INIT_TIMEOUT_S,
    ) -> None:
        self.engine = engine
        self.tracing = tracing
        self.verifier = verifier
        self.rates = rates
        self.clock = clock
        self.init_timeout_s = init_timeout_s
        self._revocations = revocations
        self._open: set[_Connection] = set()
        self._by_user: dict[UUID, set[_Connection]] = {}
        self._stop = revocations.listen(self._revoked)

    async def __call__(self, request: Request, receive: Receive, send: Send) -> None:
        """Serve one socket until it is closed."""
        await receive()
        offered = request.scope.get("subprotocols", ())
        chosen = SUBPROTOCOL if SUBPROTOCOL in offered else None
        await send({"type": "websocket.accept", "subprotocol": chosen})
        if chosen is None:
            await send({"type": "websocket.close", "code": BAD_SUBPROTOCOL, "reason": f"Speak {SUBPROTOCOL}"})
            return
        connection = _Connection(self, request, receive, send)
        self._open.add(connection)
        try:
            await connection.serve()
        finally:
            self._open.discard(connection)

    async def drain(self, within_s: float) -> None:
        """Begin no more operations, and return when those that run have ended, or after `within_s` seconds."""
        running = [task for connection in self._open for task in connection.drain()]
        if running:
            await asyncio.wait(running, timeout=within_s)

    def close(self) -> None:
        """Hear of revocations no more."""
        self._stop()

    def enter(self, connection: "_Connection", known: Verified) -> None:
        """Remember whose socket it is."""
        self._by_user.setdefault(known.actor.user_id, set()).add(connection)

    def leave(self, connection: "_Connection", known: Verified) -> None:
        """Forget a socket."""
        connections = self._by_user.get(known.actor.user_id, set())
        connections.discard(connection)
        if not connections:
            self._by_user.pop(known.actor.user_id, None)

    def _revoked(self, revocation: Revocation) -> None:
        for connection in tuple(self._by_user.get(revocation.user_id, ())):
            known = connection.known
            if known is not None and self._revocations.is_revoked(
                user_id=known.actor.user_id, session_id=known.actor.session_id, epoch=known.epoch
            ):
                connection.end(FORBIDDEN, "The session has ended")


class _Connection:
    """One socket."""

    def __init__(self, route: SocketRoute, request: Request, receive: Receive, send: Send) -> None:
        self._route = route
        self._request = request
        self._receive = receive
        self._send = send
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._draining = False
        self._inited = False
        self._acknowledged = False
        self._ended: asyncio.Future[_Closing] = asyncio.get_running_loop().create_future()
        self._timers: list[asyncio.TimerHandle] = []
        self.known: Verified | None = None

    async def serve(self) -> None:
        """Read messages until the peer leaves or the connection is ended."""
        self._later(self._route.init_timeout_s, INIT_TIMEOUT, "Connection initialisation timeout")
        reading = asyncio.ensure_future(self._read())
        try:
            await asyncio.wait((reading, self._ended), return_when=asyncio.FIRST_COMPLETED)
            closing = self._ended.result() if self._ended.done() else await reading
        finally:
            await self._clear(reading)
        if closing is not None:
            reason = closing.reason.encode()[:_MOST_REASON_BYTES].decode(errors="ignore")
            await self._send({"type": "websocket.close", "code": closing.code, "reason": reason})

    def end(self, code: int, reason: str) -> None:
        """End the connection from outside."""
        if not self._ended.done():
            self._ended.set_result(_Closing(code, reason))

    def drain(self) -> frozenset[asyncio.Task[None]]:
        """Begin no more operations, and return those that run."""
        self._draining = True
        return frozenset(self._running)

    async def _clear(self, reading: "asyncio.Future[_Closing | None]") -> None:
        for timer in self._timers:
            timer.cancel()
        if self.known is not None:
            self._route.leave(self, self.known)
        tasks: list[asyncio.Future[Any]] = [reading, *self._running]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _later(self, delay_s: float, code: int, reason: str) -> None:
        self._timers.append(asyncio.get_running_loop().call_later(delay_s, self.end, code, reason))

    async def _read(self) -> _Closing | None:
        while True:
            event = await self._receive()
            if event["type"] == "websocket.disconnect":
                return None
            try:
                await self._take(_message(event))
            except _Closing as closing:
                return closing

    async def _take(self, message: Mapping[str, Any]) -> None:
        match message.get("type"):
            case "connection_init":
                await self._init(message.get("payload"))
            case "ping":
                payload = _payload(message)
                await self._say({"type": "pong"} | ({"payload": payload} if payload is not None else {}))
            case "pong":
                _payload(message)
            case "subscribe":
                await self._subscribe(message)
            case "complete":
                task = self._operations.pop(_id(message), None)
                if task is not None:
                    task.cancel()
            case _:
                raise _Closing(BAD_REQUEST, "Unknown message type")

    async def _init(self, payload: object) -> None:
        if self._inited:
            raise _Closing(TOO_MANY_INITS, "Too many initialisation requests")
        self._inited = True
        if payload is not None and not isinstance(payload, dict):
            raise _Closing(BAD_REQUEST, "The payload must be an object")
        given = {str(name).lower(): value for name, value in (payload or {}).items()}.get("authorization")
        if given is not None and not isinstance(given, str):
            raise _Closing(BAD_REQUEST, "Authorization must be a text")
        try:
            self.known = await verified(self._route.verifier, given)
        except NovaError as error:
            raise _Closing(FORBIDDEN, error.message) from None
        self._timers.pop().cancel()
        if self.known is not None:
            self._route.enter(self, self.known)
            left_s = (self.known.expires_at - self._route.clock.now()).total_seconds()
            self._later(max(left_s, 0.0), FORBIDDEN, "The access token has expired")
        self._acknowledged = True
        await self._say({"type": "connection_ack"})

    async def _subscribe(self, message: Mapping[str, Any]) -> None:
        if not self._acknowledged:
            raise _Closing(UNAUTHORIZED, "Unauthorized")
        operation_id = _id(message)
        if operation_id in self._operations:
            raise _Closing(DUPLICATE_ID, f"Subscriber for {operation_id} already exists")
        payload = message.get("payload")
        if not isinstance(payload, dict):
            raise _Closing(BAD_REQUEST, "subscribe needs a payload")
        try:
            self._admit()
        except NovaError as error:
            await self._say(
                {
                    "id": operation_id,
                    "type": "error",
                    "payload": [nova_error(error, self._request.request_id)],
                }
            )
            return
        task = asyncio.create_task(self._run(operation_id, payload))
        self._operations[operation_id] = task
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def _admit(self) -> None:
        if self._draining:
            raise Unavailable("This server is ending: connect again.")
        if len(self._operations) >= MOST_OPERATIONS:
            raise RateLimited(f"One socket runs {MOST_OPERATIONS} operations at most.", retry_after_s=1.0)
        if self._route.rates is not None:
            self._route.rates.take_request(self._request.client.address).require()

    async def _run(self, operation_id: str, payload: Mapping[str, Any]) -> None:
        """Run one operation and say its outcome: `next` and `complete`, or `error` when it did not run."""
        caller = Caller(
            actor=self.known.actor if self.known else None,
            client=self._request.client,
            request_id=self._request.request_id,
        )
        try:
            asked = request_of(payload)
        except NovaError as error:
            refused: list[dict[str, Any]] | None = [nova_error(error, caller.request_id)]
        else:
            with self._route.tracing.request("WEBSOCKET graphql", headers=self._request.trace_headers()):
                answer = await self._route.engine.run(asked, caller)
            refused = answer.errors if answer.refused is not None else None
        if refused is not None:
            self._operations.pop(operation_id, None)
            await self._say({"id": operation_id, "type": "error", "payload": refused})
            return
        head = orjson.dumps({"id": operation_id, "type": "next"})
        await self._say_text(b'%s,"payload":%s}' % (head[:-1], answer.body))
        self._operations.pop(operation_id, None)
        await self._say({"id": operation_id, "type": "complete"})

    async def _say(self, message: Mapping[str, Any]) -> None:
        await self._say_text(orjson.dumps(message))

    async def _say_text(self, text: bytes) -> None:
        """Send one message; a peer that does not read is left behind."""
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self._send({"type": "websocket.send", "text": text.decode()})
        except TimeoutError:
            self.end(1008, "The peer does not read")


def _message(event: Mapping[str, Any]) -> Mapping[str, Any]:
    text = event.get("text")
    if text is None:
        raise _Closing(BAD_REQUEST, "Send text messages")
    try:
        value = strict_json.loads(text.encode())
    except (strict_json.BadJson, UnicodeEncodeError):
        raise _Closing(BAD_REQUEST, "Invalid message") from None
    if not isinstance(value, dict):
        raise _Closing(BAD_REQUEST, "Invalid message")
    return value


def _payload(message: Mapping[str, Any]) -> dict[str, Any] | None:
    payload = message.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise _Closing(BAD_REQUEST, "The payload must be an object")
    return payload


def _id(message: Mapping[str, Any]) -> str:
    value = message.get("id")
    if not isinstance(value, str) or not 0 < len(value) <= _MOST_ID:
        raise _Closing(BAD_REQUEST, "The message needs an id")
    return value
