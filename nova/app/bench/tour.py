"""The tour: what a newcomer meets, timed from outside, over HTTP, at a Nova that has just been started.

A post counts as seen when it is at the top of a follower's FOLLOWING feed, which he asks for again and again: the
time runs from the return of the mutation to the return of that page.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nova.app.bench import machine
from nova.app.bench.client import Client
from nova.app.bench.figures import Figure, Result, spread
from nova.app.bench.own_nova import OwnNova, described, own_nova
from nova.app.bench.visitors import done, followers, signed_in
from nova.platform.config import Config, World
from nova.platform.errors import InvalidArgument, Timeout

POSTS: Final = 200
READERS: Final = 20
ROUNDS: Final = 5
IDLE_S: Final = 10.0
_LONGEST_S: Final = 10.0

_TOP = "{ homeFeed(mode: FOLLOWING, first: 1) { edges { node { id } } } }"
HOME = """{ homeFeed(mode: RANKED, first: 20) {
  edges {
    cursor
    why { source score contributions { name value weight } }
    node {
      id caption contentType tags createdAt likeCount commentCount shareCount viewerHasLiked viewerHasShared
      author { id handle displayName avatarUrl viewerFollows }
      comments(first: 3) { edges { node { id text likeCount viewerHasLiked author { handle displayName } } } }
    }
  }
  pageInfo { hasNextPage endCursor }
} }"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Seconds of each call, and the CPU seconds of the platform for one, where they can be read."""

    seconds: Sequence[float]
    cpu_s: float | None


async def tour(config: Config) -> Result:
    """Start a Nova twice, in a folder of its own, and be its only client."""
    world = config.server.world
    if world is World.NONE:
        raise InvalidArgument("The tour needs people: unset NOVA_WORLD, or choose small, medium or big.")
    where = described(world, processes=False)
    with tempfile.TemporaryDirectory(prefix="nova-bench-") as folder:
        async with own_nova(Path(folder) / "data", world) as first:
            first_start_s = first.started_s
        async with own_nova(Path(folder) / "data", world) as again:
            figures = await _figures(again)
    figures = [
        Figure(name="first start, the world made", value=first_start_s, unit="s"),
        Figure(name="start, warm", value=again.started_s, unit="s", goal=15),
        *figures,
    ]
    return Result(benchmark="tour", machine=where, figures=figures)


async def _figures(nova: OwnNova) -> list[Figure]:
    client = await Client.connect(nova.graphql)
    try:
        author = nova.handles[0]
        token = await signed_in(client, author, nova.password)
        readers = await followers(client, token, author, most=READERS)
        signing_in, tokens = await _sign_ins(client, nova, readers)
        seen = await _posts(client, token, tokens[0])
        cold, warm = await _home_pages(nova, client, tokens)
    finally:
        await client.aclose()
    return [
        *spread("post to the top of a follower's feed", seen, goal_ms=200, with_max=True),
        *spread("sign in", signing_in),
        *spread("home, cold", cold.seconds),
        *spread("home, warm", warm.seconds),
        *_cpu("home, cold", cold),
        *_cpu("home, warm", warm),
        *await _footprint(nova),
    ]


async def _sign_ins(client: Client, nova: OwnNova, handles: Sequence[str]) -> tuple[list[float], list[str]]:
    seconds, tokens = [], []
    for handle in handles:
        began = time.perf_counter()
        tokens.append(await signed_in(client, handle, nova.password))
        seconds.append(time.perf_counter() - began)
    return seconds, tokens


async def _posts(client: Client, author: str, reader: str) -> list[float]:
    """Post, and have a follower look until he sees it, `POSTS` times."""
    seconds = []
    for number in range(POSTS):
        post = {"caption": f"Post {number} of the tour", "contentType": "TEXT", "tags": ["tour"]}
        made = await done(client, "createPost", "post { id }", token=author, **post)
        post_id, began = made["post"]["id"], time.perf_counter()
        while await _top(client, reader) != post_id:
            if time.perf_counter() - began > _LONGEST_S:
                raise Timeout(
                    f"A post is not in a follower's feed after {_LONGEST_S:g} s: see the platform's log."
                )
        seconds.append(time.perf_counter() - began)
    return seconds


async def _top(client: Client, token: str) -> str | None:
    edges = (await client.ask(_TOP, token=token))["homeFeed"]["edges"]
    return edges[0]["node"]["id"] if edges else None


async def _home_pages(nova: OwnNova, client: Client, tokens: Sequence[str]) -> tuple[Timed, Timed]:
    """Time the home feed of each reader when he asks for the first time, and `ROUNDS` times after that."""
    cold = await _timed(nova, client, tokens, rounds=1)
    return cold, await _timed(nova, client, tokens, rounds=ROUNDS)


async def _timed(nova: OwnNova, client: Client, tokens: Sequence[str], *, rounds: int) -> Timed:
    watch = machine.CpuWatch(nova.pid) if machine.can_be_watched() else None
    seconds = []
    for token in [*tokens] * rounds:
        began = time.perf_counter()
        edges = (await client.ask(HOME, token=token))["homeFeed"]["edges"]
        seconds.append(time.perf_counter() - began)
        if not edges:
            raise Timeout("A home feed is empty: see the platform's log.")
    return Timed(seconds=seconds, cpu_s=None if watch is None else watch.spent_s() / len(seconds))


def _cpu(name: str, timed: Timed) -> list[Figure]:
    if timed.cpu_s is None:
        return []
    return [Figure(name=f"{name}, CPU of all processes", value=timed.cpu_s * 1000, unit="ms")]


async def _footprint(nova: OwnNova) -> list[Figure]:
    """Return memory, and the CPU time of some seconds in which nobody asks for anything."""
    if not machine.can_be_watched():
        return []
    watch, began = machine.CpuWatch(nova.pid), time.perf_counter()
    await asyncio.sleep(IDLE_S)
    idle, pids = watch.spent_s() / (time.perf_counter() - began), machine.tree(nova.pid)
    return [
        Figure(name="memory of all processes (RSS)", value=machine.memory_mib(pids), unit="MiB", goal=1024),
        Figure(
            name="memory, what is shared counted once (PSS)",
            value=machine.memory_mib(pids, shared_once=True),
            unit="MiB",
        ),
        Figure(name="idle, of one core", value=idle * 100, unit="%", goal=5),
    ]
