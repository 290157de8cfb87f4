"""A home page through the gateway, beside the same gateway with graphql-core's own executor.

20 posts of 20 authors with media, counts, flags and reasons, by a known document; the rooms answer from memory over the
local channel, so that what is timed is the gateway: HTTP in and out, token, document, price, plan, calls, execution.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from unittest.mock import patch

import orjson
from graphql.execution.executor import Executor

from bench.micro.harness import Case, Contender, main
from bench.micro.server import valkey
from nova.gateway.executor import ReadingExecutor
from tests.unit.gateway.edge import Edge, edge
from tests.unit.gateway.town import Town

MODULE = "bench.micro.bench_home_page"
POSTS = 20
TURNS = 10

_PAGE = """query Home($first: Int) {
  homeFeed(first: $first) {
    pageInfo { hasNextPage endCursor }
    edges {
      cursor
      why { source score contributions { name value weight } }
      node {
        id caption contentType tags createdAt likeCount commentCount shareCount viewerHasLiked viewerHasShared
        author { id handle displayName avatarUrl viewerFollows }
        media { id kind state url width height }
        %s
      }
    }
  }
}"""
_COMMENTS = "comments(first: 3) { edges { node { id text likeCount viewerHasLiked author { handle } } } }"


def _town() -> tuple[Town, bytes]:
    town = Town()
    viewer = town.person("ada")
    people = [town.person(f"person{number}") for number in range(POSTS)]
    for number, author in enumerate(people):
        post = town.post(author, f"Post number {number}, written on a quiet morning")
        for place in range(3):
            town.comment(post, people[(number + place) % POSTS])
    return town, viewer


def _asking(
    loop: asyncio.AbstractEventLoop, gate: Edge, token: str, text: str, executor: type
) -> Callable[[int], bytes]:
    body = orjson.dumps({"query": text, "variables": {"first": POSTS}})
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}

    def ask(_turn: int) -> bytes:
        with patch("nova.gateway.engine.ReadingExecutor", executor):
            return loop.run_until_complete(gate.send("POST", "/graphql", headers=headers, body=body)).body

    return ask


def cases() -> Iterator[Case]:
    """Ask for a page of 20 posts, without comments and with three each."""
    with valkey() as (loop, port):
        town, viewer = _town()
        stack = AsyncExitStack()
        gate = loop.run_until_complete(stack.enter_async_context(edge(town, f"redis://127.0.0.1:{port}/0")))
        token = town.token(viewer)
        for name, comments in (("a home page of 20 posts", ""), ("with three comments each", _COMMENTS)):
            text = _PAGE % comments
            ours = _asking(loop, gate, token, text, ReadingExecutor)
            library = _asking(loop, gate, token, text, Executor)

            def check(
                turn: int, ours: Callable[[int], bytes] = ours, library: Callable[[int], bytes] = library
            ) -> None:
                answer = orjson.loads(ours(turn))
                assert len(answer["data"]["homeFeed"]["edges"]) == POSTS
                assert answer["data"] == orjson.loads(library(turn))["data"]

            yield Case(
                name, Contender("nova", ours), [Contender("graphql-core's executor", library)], TURNS, check
            )
        loop.run_until_complete(stack.aclose())


if __name__ == "__main__":
    main(MODULE, cases)
