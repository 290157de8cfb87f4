"""Each room in a process of its own: rooms replaced under load lose no request, what is killed comes back."""

import asyncio
import itertools
import json
import os
import signal
import ssl
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from nova.app.authority import SUPERVISOR, files_of, issue_all
from nova.app.ports import free_port
from nova.app.processes import RELAY
from nova.app.rooms import ROOMS
from nova.app.supervisor import Supervisor
from nova.platform.rpc.peers import host_of
from tests.chaos.upped import Upped
from tests.e2e.nova import PASSWORD, Nova, Person
from tests.e2e.shapes import PROCESS_PER_ROOM, is_ready, process_per_room
from tests.real import ENGINES, corner, empty, on_real_engines
from tests.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]

CLIENTS = 4
RENEWALS = 5
HOME = """{ viewer { email user { handle postCount } }
  homeFeed(mode: FOLLOWING, first: 10) { edges { node { caption author { handle } likeCount } } } }"""
RANKED = "{ homeFeed(first: 2) { edges { node { caption likeCount } why { source score } } } }"
GIVES = {
    "signIn": "tokens { accessToken }",
    "followUser": "state",
    "unfollowUser": "state",
    "createPost": "post { id }",
    "likePost": "post { likeCount viewerHasLiked }",
    "addComment": "comment { id }",
}
"""What the mutations of a tour give."""


@pytest.fixture(scope="module")
async def nova() -> AsyncIterator[Nova]:
    with tempfile.TemporaryDirectory(prefix="nova-rolled-") as folder:
        async with process_per_room(Path(folder)) as nova:
            yield nova


@pytest.fixture
def parts(nova: Nova) -> Supervisor:
    assert nova.processes is not None
    return nova.processes


class Client:
    """Somebody who takes the README's tour without a pause, and never tries again. What was not whole is kept."""

    def __init__(self, nova: Nova, person: Person, followed: Person) -> None:
        self._nova = nova
        self._person = person
        self._followed = followed
        self.captions: list[str] = []
        self.lost: list[Any] = []
        self.answered = 0

    async def run(self) -> None:
        for turn in itertools.count():
            await self._do("signIn", login=self._person.handle, password=PASSWORD)
            await self._ask(HOME)
            await self._ask(RANKED)
            await self._do("unfollowUser" if turn % 2 else "followUser", userId=self._followed.id)
            caption = f"{self._person.handle}-{turn}"
            made = await self._do("createPost", caption=caption, contentType="TEXT")
            if made is not None:
                self.captions.append(caption)
                await self._do("likePost", postId=made["post"]["id"])
                await self._do("addComment", postId=made["post"]["id"], text="well said")

    async def _do(self, verb: str, **arguments: Any) -> Any:
        """Return what a mutation gives; None where it was lost."""
        kind, asked = f"{verb[0].upper()}{verb[1:]}Input", f"{GIVES[verb]} userErrors {{ code }}"
        document = f"mutation($input: {kind}!) {{ {verb}(input: $input) {{ {asked} }} }}"
        data = await self._ask(document, {"input": arguments})
        if data is not None and data[verb]["userErrors"]:
            self.lost.append(data)
            return None
        return data and data[verb]

    async def _ask(self, document: str, variables: Any = None) -> Any:
        answer = await self._nova.ask(document, variables, by=self._person)
        if "errors" in answer or "degraded" in answer.get("extensions", {}):
            self.lost.append((document, answer))
            return None
        self.answered += 1
        return answer["data"]


async def goes_on(clients: Sequence[Client]) -> None:
    """Wait until every client has been answered once more."""
    seen = [client.answered for client in clients]
    await until(lambda: all(client.answered > was for client, was in zip(clients, seen, strict=True)))


async def settled(nova: Nova, person: Person) -> bool:
    """Return whether everything serves, and a page is whole."""
    answers = [await nova.ask(page, by=person) for page in (HOME, RANKED)]
    whole = all("errors" not in one and "degraded" not in one["extensions"] for one in answers)
    return whole and (nova.processes is None or await is_ready(nova))


async def fed(nova: Nova, person: Person, post: str) -> bool:
    """Return whether a post of one's own is in one's feed: relay, feed and gateway work."""
    return post in await nova.feed(person)


@asynccontextmanager
async def under_load(nova: Nova) -> AsyncIterator[Sequence[Client]]:
    """Yield clients that read and write during the block; after it, what they were answered must be whole."""
    people = [await nova.newcomer("client") for _ in range(CLIENTS)]
    clients = [
        Client(nova, one, next_one) for one, next_one in zip(people, people[1:] + people[:1], strict=True)
    ]
    await until(lambda: settled(nova, people[0]), within_s=60)
    running = [asyncio.create_task(client.run()) for client in clients]
    try:
        yield clients
    finally:
        for task in running:
            task.cancel()
        ended = await asyncio.gather(*running, return_exceptions=True)
    assert [type(one) for one in ended] == [asyncio.CancelledError] * CLIENTS, ended
    assert [lost for client in clients for lost in client.lost] == []
    for client, person in zip(clients, people, strict=True):
        assert client.captions
        # One more may have been written when its answer was no longer waited for.
        assert len(await nova.posts_of(person)) >= min(len(client.captions), 100)


@pytest.fixture(params=["embedded", pytest.param("real", marks=on_real_engines)])
async def named(request: pytest.FixtureRequest) -> AsyncIterator[Mapping[str, str]]:
    """What names the engines: nothing, for those that are embedded; or those that run, empty."""
    if request.param == "embedded":
        yield {}
        return
    await empty()
    async with corner("rolled") as cluster:
        yield {**ENGINES, "NOVA_KAFKA_PREFIX": cluster.prefix}


async def test_all_rooms_replaced_by_one_hangup_lose_no_request(
    tmp_path: Path, named: Mapping[str, str]
) -> None:
    """A real `nova up --processes`: each room and the relay make way for another process, in turn, under load."""
    parts = (*ROOMS, RELAY)
    upped = Upped(tmp_path / "data", free_port(), **named)
    log = tmp_path / "data" / "logs" / "nova.log"

    def replaced() -> list[str]:
        lines = [line for line in log.read_text().splitlines() if '"part_' in line]
        events = [json.loads(line) for line in lines]
        assert [event for event in events if event["event"] != "part_replaced"] == []
        assert {event["exit_code"] for event in events} <= {0}
        return [event["part"] for event in events]

    try:
        await upped.begin("--processes")
        await upped.ready()
        nova = Nova(upped.url, PROCESS_PER_ROOM)
        async with under_load(nova) as clients:
            await goes_on(clients)
            upped.process.send_signal(signal.SIGHUP)
            for count in range(1, len(parts) + 1):
                await until(lambda count=count: len(replaced()) >= count, within_s=60)  # type: ignore[misc]
                await goes_on(clients)
        await nova.aclose()
        assert replaced() == list(parts)
        assert await upped.interrupt() == 0
    finally:
        upped.stop_now()


async def test_certificates_renewed_under_load_lose_no_request(nova: Nova) -> None:
    """As the supervisor renews them."""
    rooms = ROOMS
    async with under_load(nova) as clients:
        for _ in range(RENEWALS):
            before = {room: await serial_shown(nova, room) for room in rooms}
            issue_all(nova.certificates)
            for room in rooms:
                await until(partial(shows_another, nova, room, before[room]))
            await goes_on(clients)


async def shows_another(nova: Nova, room: str, serial: int) -> bool:
    return await serial_shown(nova, room) != serial


async def serial_shown(nova: Nova, room: str) -> int:
    """Return the serial number of the certificate that a room shows to somebody new."""
    files = files_of(nova.certificates, SUPERVISOR)
    context = ssl.create_default_context(cafile=str(files.authority))
    context.load_cert_chain(files.certificate, files.key)
    context.set_alpn_protocols(["h2"])
    host, _, port = nova.ports.address(room).partition(":")
    _, writer = await asyncio.open_connection(host, int(port), ssl=context, server_hostname=host_of(room))
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return x509.load_der_x509_certificate(der).serial_number


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("social", signal.SIGKILL),
        ("relay", signal.SIGKILL),
        ("feed", signal.SIGTERM),
        ("gateway", signal.SIGKILL),
    ],
)
async def test_a_part_that_ended_is_started_again(
    nova: Nova, parts: Supervisor, name: str, number: signal.Signals
) -> None:
    person = await nova.newcomer("patient")
    pid = parts.pids[name]
    os.kill(pid, number)
    await until(lambda: parts.pids[name] != pid, within_s=45)
    await parts.ready(name, within_s=60)
    await until(lambda: settled(nova, person), within_s=60)
    late = await nova.publish(person, "written after")
    await until(lambda: fed(nova, person, late), within_s=60)
