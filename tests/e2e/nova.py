"""A running Nova as a client meets it: HTTP and nothing else."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import httpx

from nova.app.accounts import Desk, desk_at
from nova.app.bench.strangers import Ports
from nova.app.callers import GATEWAY
from nova.app.engines.embedded import Engines
from nova.app.sources import Sources
from nova.app.supervisor import Supervisor
from nova.gateway.global_ids import decode
from nova.platform.redis.client import connect
from nova.services.identity.model import UserId
from tests.waiting import until

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


class Answer(dict[str, Any]):
    """A GraphQL answer with short ways to its parts."""

    @property
    def data(self) -> Any:
        assert "errors" not in self, self["errors"]
        return self["data"]

    @property
    def code(self) -> str:
        code: str = self["errors"][0]["extensions"]["code"]
        return code


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who signed up."""

    id: str
    handle: str
    token: str
    refresh_token: str


def account_id(person: Person) -> UserId:
    """Return the id that the rooms know somebody by."""
    known = decode(person.id)
    assert known is not None
    return UserId(known.uuid)


class Nova:
    """One platform under test.

    `engines` are what it stands on, `sources` where all of those answer. `processes` keeps its parts, and `grpc_base`
    is the port below those of the rooms, where each is a process of its own.
    """

    def __init__(
        self,
        url: str,
        shape: str,
        *,
        engines: Engines | None = None,
        sources: Sources | None = None,
        processes: Supervisor | None = None,
        grpc_base: int = 0,
    ) -> None:
        self.url = url
        self.shape = shape
        self.engines = engines
        self.sources = sources
        self.processes = processes
        self.grpc_base = grpc_base
        self.http = httpx.AsyncClient(base_url=url, timeout=20)

    async def aclose(self) -> None:
        await self.http.aclose()

    @property
    def certificates(self) -> Path:
        """Return the folder of the authority, where each room is a process of its own."""
        assert self.engines is not None
        return self.engines.folder.path / "certificates"

    @property
    def ports(self) -> Ports:
        """Return the ports of the rooms, where each is a process of its own."""
        return Ports(base=self.grpc_base, certificates=self.certificates)

    def room(self, room: str, *, part: str = GATEWAY) -> AbstractAsyncContextManager[grpc.aio.Channel]:
        """Return a channel of the library's own to a room, with the certificate of a part of the platform."""
        return self.ports.as_part(room, part)

    @asynccontextmanager
    async def without_pub_sub(self) -> AsyncIterator[None]:
        """Have Valkey refuse every channel for the length of the block: all else works, and nobody hears anything."""
        assert self.engines is not None
        redis = await connect(self.engines.redis_url)
        await redis.execute("ACL", "SETUSER", "default", "resetchannels")
        try:
            yield
        finally:
            await redis.execute("ACL", "SETUSER", "default", "allchannels")
            await redis.aclose()

    async def ask(
        self, document: str, variables: Mapping[str, Any] | None = None, *, by: Person | str | None = None
    ) -> Answer:
        """Run a document; return its answer, whatever it says."""
        return Answer((await self.post(document, variables, by=by)).json())

    async def post(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        *,
        by: Person | str | None = None,
        accept: str = "application/json",
    ) -> httpx.Response:
        """Send a document, and return the whole HTTP answer."""
        token = by.token if isinstance(by, Person) else by
        return await self.http.post(
            "/graphql",
            json={"query": document, "variables": variables or {}},
            headers={"Accept": accept} | ({"Authorization": f"Bearer {token}"} if token else {}),
        )

    async def do(self, verb: str, fields: str, by: Person | None = None, **arguments: Any) -> Any:
        """Run one mutation; return its payload, after checking that it brought no errors."""
        payload = await self.attempt(verb, fields, by, **arguments)
        assert payload["userErrors"] == [], payload["userErrors"]
        return payload

    async def attempt(self, verb: str, fields: str, by: Person | None = None, **arguments: Any) -> Any:
        """Run one mutation; return its payload, user errors and all."""
        kind = f"{verb[0].upper()}{verb[1:]}Input"
        asked = f"userErrors {{ code field message }} {fields}"
        document = f"mutation($input: {kind}!) {{ {verb}(input: $input) {{ {asked} }} }}"
        return (await self.ask(document, {"input": arguments}, by=by)).data[verb]

    @staticmethod
    async def together(*asked: Awaitable[Answer]) -> list[Answer]:
        """Ask several things at the same moment."""
        return list(await asyncio.gather(*asked))

    async def newcomer(self, name: str = "someone") -> Person:
        """Sign somebody up under a handle of his own."""
        handle = f"{name}_{next(_numbers)}"
        payload = await self.do(
            "signUp",
            "tokens { accessToken refreshToken } viewer { user { id } }",
            handle=handle,
            email=f"{handle}@example.org",
            password=PASSWORD,
            displayName=name.title(),
        )
        return Person(
            id=payload["viewer"]["user"]["id"],
            handle=handle,
            token=payload["tokens"]["accessToken"],
            refresh_token=payload["tokens"]["refreshToken"],
        )

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[Desk]:
        """Yield what the operator changes accounts with."""
        assert self.engines is not None
        async with desk_at(self.engines.room_dsn("identity"), self.engines.redis_url) as desk:
            yield desk

    async def suspend(self, person: Person) -> None:
        """Suspend somebody for good, as the operator does."""
        async with self.desk() as desk:
            await desk.suspensions.impose(account_id(person), reason="A test of it.", until=None)

    async def promoted(self, person: Person, role: str) -> Person:
        """Give somebody a role, as the operator does, and sign him in anew: his old tokens are void."""
        async with self.desk() as desk:
            await desk.roles.add(account_id(person), role)
        payload = await self.do(
            "signIn", "tokens { accessToken refreshToken }", login=person.handle, password=PASSWORD
        )
        tokens = payload["tokens"]
        return replace(person, token=tokens["accessToken"], refresh_token=tokens["refreshToken"])

    async def publish(self, by: Person, caption: str = "hello", **more: Any) -> str:
        payload = await self.do(
            "createPost", "post { id }", by, caption=caption, **{"contentType": "TEXT", **more}
        )
        post_id: str = payload["post"]["id"]
        return post_id

    async def feed(self, by: Person, mode: str = "FOLLOWING", first: int = 100) -> list[str]:
        """Return the ids of the newest page of a home feed."""
        asked = "edges { node { id } }"
        document = (
            f"query($mode: FeedMode!, $first: Int) {{ homeFeed(mode: $mode, first: $first) {{ {asked} }} }}"
        )
        feed = (await self.ask(document, {"mode": mode, "first": first}, by=by)).data["homeFeed"]
        return [edge["node"]["id"] for edge in feed["edges"]]

    async def posts_of(self, author: Person) -> list[str]:
        """Return the ids of what somebody has published, newest first."""
        asked = "{ viewer { user { posts(first: 100) { edges { node { id } } } } } }"
        posts = (await self.ask(asked, by=author)).data["viewer"]["user"]["posts"]
        return [edge["node"]["id"] for edge in posts["edges"]]

    async def walk(
        self, document: str, path: tuple[str, ...], by: Person, *, page: int, **variables: Any
    ) -> list[Any]:
        """Return all nodes of a connection, page by page; `document` takes $first and $after."""
        found: list[Any] = []
        after: str | None = None
        while True:
            part: Any = (await self.ask(document, {"first": page, "after": after, **variables}, by=by)).data
            for step in path:
                part = part[step]
                if part is None:
                    return found
            found += [edge["node"] for edge in part["edges"]]
            if not part["pageInfo"]["hasNextPage"]:
                return found
            after = part["pageInfo"]["endCursor"]

    async def eventually(self, by: Person, document: str, expected: Any, **variables: Any) -> None:
        """Wait until a query answers what is expected: what follows by events is soon true, not at once."""

        async def holds() -> bool:
            return bool((await self.ask(document, variables, by=by)).data == expected)

        await until(holds)
