"""What is promised of trust, timed from outside: what has ended is refused everywhere, whom one blocks sees nothing.

A session ends in each of the ways there are, and at each door its token is shown again and again: the time runs from
the answer to whatever ended it, to the first refusal. Sign-ins of known and unknown people are told apart by nothing,
not by their time either.
"""

import asyncio
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from nova.api.graph.v1.graph_pb2 import GetFollowCountsRequest
from nova.app.accounts import Desk, desk_at
from nova.app.bench import machine
from nova.app.bench.client import Clients
from nova.app.bench.doors import Doors
from nova.app.bench.figures import Figure, Result, quantile, spread
from nova.app.bench.own_nova import OwnNova, described, own_nova
from nova.app.bench.visitors import done, followers, signed_in
from nova.app.instance import running
from nova.app.ports import free_range
from nova.app.processes import all_ports
from nova.gateway.http.graphql_socket import SUBPROTOCOL
from nova.platform.config import Config, World
from nova.platform.db.database import Database, DatabaseConfig
from nova.platform.errors import InvalidArgument, Timeout, Unauthenticated, Unavailable

PEOPLE: Final = 20
FORGERIES: Final = 2000
_SEEN_MS: Final = 1000.0
_LEFT_MS: Final = 100.0
_ALIKE_MS: Final = 5.0
_FORGERY_MS: Final = 1.0
_LONGEST_S: Final = 10.0
_EVERY_S: Final = 0.002
_WRONG: Final = "not the password"
_ME = "{ viewer { email } }"
_PERSON = "query($handle: String!) { user(handle: $handle) { id } }"
_SLEEP = "SELECT 'left alone' FROM pg_sleep(30)"
_SLEEPING = """SELECT EXISTS (SELECT FROM pg_stat_activity
WHERE usename = current_user AND state = 'active' AND query LIKE 'SELECT ''left alone''%')"""
_BIO = "query($handle: String!) { user(handle: $handle) { bio } }"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A session of somebody."""

    handle: str
    access: str
    refresh: str


End = Callable[["Promises", Signed], Awaitable[None]]


async def promises(config: Config, *, processes: bool = False) -> Result:
    """Start a Nova in a folder of its own, and see how soon it does as it has promised."""
    world = config.server.world
    if world is World.NONE:
        raise InvalidArgument(
            "Promises are made to people: unset NOVA_WORLD, or choose small, medium or big."
        )
    where = described(world, processes=processes)
    base = free_range(all_ports())
    with tempfile.TemporaryDirectory(prefix="nova-bench-") as folder:
        data, option = Path(folder) / "data", "--processes" if processes else "--listen"
        async with own_nova(data, world, option, knobs={"NOVA_GRPC_PORT_BASE": str(base)}) as nova:
            doors = Doors(base, data / "certificates" if processes else None)
            clients, sources = Clients(nova.graphql, most=PEOPLE), running(data).sources
            dsn = sources.room_dsns["identity"]
            try:
                async with desk_at(dsn, sources.redis_url) as desk:
                    figures = await Promises(nova, clients, doors, desk).figures()
                figures += await _left(dsn)
            finally:
                await clients.aclose()
                await doors.aclose()
    return Result(benchmark="promises", machine=where, figures=figures)


class Promises:
    """All of them, at one platform."""

    def __init__(self, nova: OwnNova, clients: Clients, doors: Doors, desk: Desk) -> None:
        self.nova = nova
        self.clients = clients
        self.doors = doors
        self.desk = desk

    async def figures(self) -> list[Figure]:
        """Keep each promise `PEOPLE` times, and return how soon."""
        token = await signed_in(self.clients, self.nova.handles[0], self.nova.password)
        handles = await followers(self.clients, token, self.nova.handles[0], most=PEOPLE)
        figures: list[Figure] = []
        for name, end in ENDS.items():
            figures += await self._ends(name, end, handles)
        figures += await self._blocks(handles)
        figures += await self._own_writes(handles)
        figures += await self._sign_ins(handles)
        return figures + await self._forgeries(token)

    async def sign_in(self, handle: str) -> Signed:
        """Open a session."""
        fields = "tokens { accessToken refreshToken }"
        given = {"login": handle, "password": self.nova.password}
        tokens = (await done(self.clients, "signIn", fields, **given))["tokens"]
        return Signed(handle=handle, access=tokens["accessToken"], refresh=tokens["refreshToken"])

    async def _ends(self, name: str, end: End, handles: Sequence[str]) -> list[Figure]:
        """End a session of each, and return the time until its token is refused, by door."""
        took: dict[str, list[float]] = {"HTTP": [], "gRPC": [], "WebSocket": []}
        for handle in handles:
            session = await self.sign_in(handle)
            async with self._socket(session.access) as closed:
                await end(self, session)
                began = time.perf_counter()
                doors = {
                    "HTTP": _until(partial(self._refused_by_http, session.access)),
                    "gRPC": _until(partial(self._refused_by_grpc, session.access)),
                    "WebSocket": closed(),
                }
                refused_at = await asyncio.gather(*doors.values())
                for door, at in zip(doors, refused_at, strict=True):
                    took[door].append(max(at - began, 0.0))
            await self.desk.suspensions.lift((await self.desk.account(handle)).user_id)
        return [
            figure
            for door, seconds in took.items()
            for figure in _promised(f"{name}, refused by {door}", seconds)
        ]

    async def _refused_by_http(self, token: str) -> bool:
        answer = await self.clients.exchange(_ME, token=token)
        return "UNAUTHENTICATED" in {error["extensions"]["code"] for error in answer.get("errors", [])}

    async def _refused_by_grpc(self, token: str) -> bool:
        try:
            await self.doors.ask("graph", "GetFollowCounts", _NOBODY, token)
        except Unauthenticated:
            return True
        return False

    @asynccontextmanager
    async def _socket(self, token: str) -> AsyncIterator[Callable[[], Awaitable[float]]]:
        """Hold a socket that a token has opened; yield what waits until it is closed, and returns when."""
        url = self.nova.graphql.replace("http", "ws", 1)
        async with connect(url, subprotocols=[Subprotocol(SUBPROTOCOL)]) as socket:
            init = {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}
            await socket.send(json.dumps(init))
            if json.loads(await socket.recv()) != {"type": "connection_ack"}:
                raise Unavailable("The gateway does not acknowledge a socket.")

            async def closed() -> float:
                try:
                    async with asyncio.timeout(_LONGEST_S):
                        await socket.recv()
                except ConnectionClosed:
                    return time.perf_counter()
                except TimeoutError:
                    raise Timeout(f"A socket outlives its session by {_LONGEST_S:g} s.") from None
                raise Unavailable("A socket said something after its session had ended.")

            yield closed

    async def _blocks(self, handles: Sequence[str]) -> list[Figure]:
        """Have people block each other in pairs, and return the time until the blocked one finds nobody."""
        took = []
        for blocker, blocked in itertools.pairwise(handles):
            one, other = await self.sign_in(blocker), await self.sign_in(blocked)
            found = await self.clients.ask(_PERSON, {"handle": blocked}, token=one.access)
            user_id = found["user"]["id"]
            await done(self.clients, "blockUser", "user { id }", token=one.access, userId=user_id)
            began = time.perf_counter()

            took.append(await _until(partial(self._finds_nobody, other.access, blocker)) - began)
            await done(
                self.clients, "unblockUser", "user { id }", token=one.access, userId=found["user"]["id"]
            )
        return _promised("block, blocker not found", took)

    async def _finds_nobody(self, token: str, handle: str) -> bool:
        return (await self.clients.ask(_PERSON, {"handle": handle}, token=token))["user"] is None

    async def _own_writes(self, handles: Sequence[str]) -> list[Figure]:
        """Have each change what he says of himself, and return how often he did not read it at once."""
        stale = 0
        for number, handle in enumerate(handles):
            session, bio = await self.sign_in(handle), f"Changed by the benchmark, {number}."
            await done(self.clients, "updateProfile", "user { id }", token=session.access, bio=bio)
            read = await self.clients.ask(_BIO, {"handle": handle}, token=session.access)
            stale += read["user"]["bio"] != bio
        return [Figure(name="own write, not read at once", value=stale, unit="", goal=0)]

    async def _sign_ins(self, handles: Sequence[str]) -> list[Figure]:
        """Try a wrong password on known and unknown people in turn, and return how their times differ."""
        known, unknown = list[float](), list[float]()
        for number, handle in enumerate([*handles, *handles, *handles]):
            known.append(await self._wrong(handle))
            unknown.append(await self._wrong(f"nobody_{number}"))
        apart_ms = abs(statistics.median(known) - statistics.median(unknown)) * 1000
        return [
            Figure(name="wrong password, known, p50", value=quantile(known, 0.5) * 1000, unit="ms"),
            Figure(name="wrong password, known and unknown apart", value=apart_ms, unit="ms", goal=_ALIKE_MS),
        ]

    async def _wrong(self, login: str) -> float:
        began = time.perf_counter()
        try:
            await signed_in(self.clients, login, _WRONG)
        except Unavailable:  # as the client says of any answer with errors
            return time.perf_counter() - began
        raise InvalidArgument(f"{login} was let in with a wrong password.")

    async def _forgeries(self, token: str) -> list[Figure]:
        """Show tokens that nobody has signed, and return what it costs to refuse one."""
        if not machine.can_be_watched():
            return []
        head, body, _ = token.split(".")
        watch, taken = machine.CpuWatch(self.nova.pid), 0
        for number in range(FORGERIES):
            forged = f"{head}.{body}.{number:0342d}"  # as long as a signature of 2,048 bits
            taken += not await self._refused_by_http(forged)
        cpu_ms = watch.spent_s() / FORGERIES * 1000
        return [
            Figure(name="forged token, taken", value=taken, unit="", goal=0),
            Figure(name="forged token, CPU of all processes", value=cpu_ms, unit="ms", goal=_FORGERY_MS),
        ]


async def _left(dsn: str) -> list[Figure]:
    """Leave statements that would take long, and return the time until the server works on them no more."""
    took = []
    async with Database(DatabaseConfig(room="identity", dsn=dsn)) as database:

        async def works(*, wanted: bool) -> bool:
            return bool(await database.primary.fetchval(_SLEEPING)) is wanted

        for _ in range(PEOPLE):
            task = asyncio.create_task(database.primary.fetchval(_SLEEP))
            await _until(partial(works, wanted=True))
            began = time.perf_counter()
            task.cancel()
            await asyncio.wait([task])
            took.append(await _until(partial(works, wanted=False)) - began)
    return _promised("caller left, SQL ended", took, within_ms=_LEFT_MS)


async def _sign_out(promises: Promises, session: Signed) -> None:
    await done(promises.clients, "signOut", "userErrors { code }", token=session.access)


async def _replay(promises: Promises, session: Signed) -> None:
    """Use a refresh token twice, as its owner and a thief do. The second use is refused, and ends the session."""
    given = {"refreshToken": session.refresh}
    await done(promises.clients, "refreshSession", "tokens { accessToken }", **given)
    try:
        await done(promises.clients, "refreshSession", "tokens { accessToken }", **given)
    except Unavailable:  # as the client says of any answer with errors
        return
    raise InvalidArgument("A refresh token was good twice.")


async def _suspend(promises: Promises, session: Signed) -> None:
    account = await promises.desk.account(session.handle)
    await promises.desk.suspensions.impose(account.user_id, reason="A benchmark.", until=None)


ENDS: Final[Mapping[str, End]] = {
    "sign-out": _sign_out,
    "refresh token replayed": _replay,
    "suspension": _suspend,
}
_NOBODY: Final = GetFollowCountsRequest().SerializeToString()


async def _until(holds: Callable[[], Awaitable[bool]]) -> float:
    """Return when it holds. Raises `Timeout`."""
    until = time.perf_counter() + _LONGEST_S
    while not await holds():
        if time.perf_counter() > until:
            raise Timeout(f"It does not hold after {_LONGEST_S:g} s: see the platform's log.")
        await asyncio.sleep(_EVERY_S)
    return time.perf_counter()


def _promised(name: str, seconds: Sequence[float], *, within_ms: float = _SEEN_MS) -> list[Figure]:
    median, _ = spread(name, seconds)
    return [median, Figure(name=f"{name}, max", value=max(seconds) * 1000, unit="ms", goal=within_ms)]
