"""All Cypher of graph: follows as edges of Neo4j, for questions that walk along them.

A pair has one edge: `FOLLOWS`, or `UNFOLLOWED` as the tombstone of one that ended. The higher version wins, at equal
versions the end does, so late and repeated news change nothing. A node `Ledger` says whose follows these are and
whether all are there: another ledger writes nothing here, and nobody reads half of one.

Who may see whom is not known here: the rules are the verbs', on the adjacency in memory.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from itertools import islice
from typing import Any, Final, LiteralString
from uuid import UUID

import numpy as np

from nova.native.graph import MAX_MIDDLES, MAX_PER_MIDDLE, Candidates
from nova.native.ids import pack, split, unpack
from nova.platform.errors import Unavailable
from nova.platform.neo4j import Neo4j, Rows
from nova.services.graph.model import DEEPEST_PATH, EdgeBatch, UserId

LEAST_VERSION: Final = (5, 23)
"""From then on `CALL (x) {…}` takes variables; `SHORTEST` came two versions before."""
EDGES_A_STATEMENT: Final = 1_000

_SCHEMA: Final[tuple[LiteralString, ...]] = (
    "CREATE CONSTRAINT user_id IF NOT EXISTS FOR (user:User) REQUIRE user.id IS UNIQUE",
    "CREATE CONSTRAINT ledger_name IF NOT EXISTS FOR (ledger:Ledger) REQUIRE ledger.name IS UNIQUE",
)
_CLAIM: Final = """
MERGE (ledger:Ledger {name: 'follows'}) ON CREATE SET ledger.id = $ledger, ledger.whole = false
RETURN ledger.id = $ledger, ledger.whole
"""
_FIND: Final = "MATCH (ledger:Ledger {name: 'follows'}) RETURN ledger.id = $ledger"
_WHOLE: Final = "MATCH (ledger:Ledger {name: 'follows', id: $ledger}) SET ledger.whole = $whole"
_EMPTY: Final = """
MATCH (:Ledger {name: 'follows', id: $ledger}) MATCH (user:User) WITH user LIMIT $users
DETACH DELETE user RETURN count(*)
"""
# Setting the id to what it is locks the follower: whoever writes the same pair waits, and then reads what was written.
_PUT: Final = """
OPTIONAL MATCH (ledger:Ledger {name: 'follows', id: $ledger})
CALL (ledger) {
  WITH ledger WHERE ledger IS NOT NULL
  UNWIND $edges AS edge
  MERGE (follower:User {id: edge.follower})
  MERGE (followee:User {id: edge.followee})
  SET follower.id = edge.follower
  WITH edge, follower, followee
  OPTIONAL MATCH (follower)-[known:FOLLOWS|UNFOLLOWED]->(followee)
  WITH edge, follower, followee, known
  WHERE known IS NULL OR edge.version > known.version
     OR (edge.version = known.version AND edge.ended AND type(known) = 'FOLLOWS')
  DELETE known
  FOREACH (_ IN CASE WHEN edge.ended THEN [] ELSE [1] END |
    CREATE (follower)-[:FOLLOWS {since_ms: edge.since_ms, version: edge.version}]->(followee))
  FOREACH (_ IN CASE WHEN edge.ended THEN [1] ELSE [] END |
    CREATE (follower)-[:UNFOLLOWED {version: edge.version}]->(followee))
}
RETURN ledger IS NOT NULL
"""
_ALL: Final = """
MATCH (:Ledger {name: 'follows', id: $ledger})
MATCH (follower:User)-[follow:FOLLOWS]->(followee:User)
RETURN follower.id, followee.id, follow.since_ms, follow.version
"""
# The length of a pattern cannot be a parameter: there is a statement for each that is allowed.
_PATHS: Final[Mapping[int, LiteralString]] = {
    depth: f"""
MATCH (:Ledger {{name: 'follows', id: $ledger, whole: true}})
MATCH path = SHORTEST 1 (source:User {{id: $source}})
  (()-[:FOLLOWS]->(next WHERE NOT next.id IN $exclude)){{1,{depth}}}
  (target:User {{id: $target}})
RETURN [person IN nodes(path) | person.id]
"""
    for depth in range(1, DEEPEST_PATH + 1)
}
# The Adamic-Adar index (Adamic and Adar, 2003), as the adjacency in memory counts it.
_CANDIDATES: Final = """
MATCH (:Ledger {name: 'follows', id: $ledger, whole: true})
MATCH (viewer:User {id: $viewer})
CALL (viewer) {
  MATCH (viewer)-[follow:FOLLOWS]->(middle:User)
  WITH middle ORDER BY follow.since_ms DESC, middle.id DESC LIMIT $max_middles
  WHERE NOT middle.id IN $exclude
  RETURN middle, 1.0 / log(COUNT { (middle)-[:FOLLOWS]->() } + COUNT { (middle)<-[:FOLLOWS]-() }) AS weight
}
CALL (middle) {
  MATCH (middle)-[follow:FOLLOWS]->(other:User)
  WITH other ORDER BY follow.since_ms DESC, other.id DESC LIMIT $max_per_middle
  RETURN other
}
WITH viewer, other, sum(weight) AS score, count(*) AS mutuals
WHERE other <> viewer AND NOT other.id IN $exclude AND NOT EXISTS { (viewer)-[:FOLLOWS]->(other) }
RETURN other.id, score, mutuals ORDER BY score DESC, mutuals DESC, other.id LIMIT $k
"""


class NotOurs(Unavailable):
    """This Neo4j keeps the follows of another ledger: name another one in NOVA_NEO4J_URL, or empty this one."""


class Neo4jTooOld(Unavailable):
    """This Neo4j does not know all that it is asked with: run a newer one, or unset NOVA_NEO4J_URL."""


class NotClaimed(Unavailable):
    """It is not known yet whose follows this Neo4j keeps: try again."""


class Neo4jLost(Unavailable):
    """Neo4j was away, and has not been found again: try again."""


class Neo4jForgot(Unavailable):
    """This Neo4j keeps the follows of this ledger no more, as it would when emptied: they are loaded again."""


class FollowsInNeo4j:
    """The follows of one ledger: that of `claim`, or of `find`. All raise `Unavailable` and `Timeout`."""

    def __init__(self, neo4j: Neo4j) -> None:
        self._neo4j = neo4j
        self._ledger: str | None = None
        self._lost = asyncio.Event()

    async def claim(self, ledger_id: UUID) -> bool:
        """Make what Neo4j needs, and take it for this ledger; return whether all follows are there already.

        Raises `NotOurs` where another ledger was first, and `Neo4jTooOld`.
        """
        await require_version(self._neo4j)
        for statement in _SCHEMA:
            await self._neo4j.run(statement, {})
        ((ours, whole),) = await self._neo4j.run(_CLAIM, {"ledger": str(ledger_id)})
        if not ours:
            raise NotOurs
        self._ledger = str(ledger_id)
        return bool(whole)

    async def find(self, ledger_id: UUID) -> None:
        """Read the follows of this ledger from now on, and write nothing. Raises as `claim` does."""
        await require_version(self._neo4j)
        if await self._neo4j.run(_FIND, {"ledger": str(ledger_id)}) == [[False]]:
            raise NotOurs
        self._ledger = str(ledger_id)

    async def set_whole(self, *, whole: bool) -> None:
        """Say whether all follows are there: only then are questions answered."""
        await self._run(_WHOLE, whole=whole)

    async def empty(self) -> None:
        """Forget all follows and tombstones, in steps."""
        while (await self._run(_EMPTY, users=EDGES_A_STATEMENT))[0][0]:
            pass

    async def put(self, batch: EdgeBatch) -> None:
        """Take news of follows, in any order, twice or late. Raises `Neo4jForgot`, and then Neo4j is lost."""
        news = iter(_newest(batch))
        while edges := list(islice(news, EDGES_A_STATEMENT)):
            ((ours, *_),) = await self._run(_PUT, edges=edges)
            if not ours:
                self._lost.set()
                raise Neo4jForgot

    async def follows(self) -> AsyncIterator[EdgeBatch]:
        """Yield all follows that stand here."""
        async for rows in self._neo4j.pages(_ALL, self._with()):
            sources, targets, at_ms, versions = zip(*rows, strict=True)
            yield EdgeBatch(
                sources=_packed(sources), targets=_packed(targets), at_ms=at_ms, versions=versions
            )

    async def warm(self) -> None:
        """Have Neo4j plan the questions, which takes seconds, before anybody waits for their answers.

        After a loss this is the way back: nobody's question is the probe.
        """
        nobody = UserId(UUID(int=0))
        for statement in _PATHS.values():
            await self._run(statement, source=str(nobody), target=str(nobody), exclude=[])
        await self._run(_CANDIDATES, **_around(nobody, k=1, exclude=b""))
        self._lost.clear()

    async def lost(self) -> None:
        """Return when Neo4j was away, or had forgotten. No question is asked until it is warm again."""
        await self._lost.wait()

    async def path(self, source: UserId, target: UserId, *, max_depth: int, exclude: bytes) -> bytes:
        """Return a shortest chain of follows, both ends included, that passes nobody excluded; empty for none."""
        shut_out = _texts(exclude)
        if str(source) in shut_out:
            return b""
        if source == target:
            return source.bytes
        rows = await self._ask(_PATHS[max_depth], source=str(source), target=str(target), exclude=shut_out)
        return _packed(rows[0][0]) if rows else b""

    async def candidates(self, viewer: UserId, *, k: int, exclude: bytes) -> Candidates:
        """Return the `k` best people at two steps whom the viewer does not follow, best first."""
        rows = await self._ask(_CANDIDATES, **_around(viewer, k=k, exclude=exclude))
        return Candidates(
            _packed(row[0] for row in rows),
            np.array([row[1] for row in rows], np.float64),
            np.array([row[2] for row in rows], np.uint32),
        )

    async def _ask(self, statement: LiteralString, **parameters: object) -> Rows:
        if self._lost.is_set():
            raise Neo4jLost
        try:
            return await self._neo4j.ask(statement, self._with(**parameters))
        except Unavailable:
            self._lost.set()
            raise

    async def _run(self, statement: LiteralString, **parameters: object) -> Rows:
        return await self._neo4j.run(statement, self._with(**parameters))

    def _with(self, **parameters: object) -> dict[str, object]:
        if self._ledger is None:
            raise NotClaimed
        return {"ledger": self._ledger, **parameters}


async def require_version(neo4j: Neo4j) -> tuple[int, int]:
    """Return which Neo4j it is. Raises `Neo4jTooOld` for one that does not understand these statements."""
    version = await neo4j.version()
    if version < LEAST_VERSION:
        is_this, needed = (".".join(map(str, one)) for one in (version, LEAST_VERSION))
        raise Neo4jTooOld(f"Neo4j is {is_this}: run {needed} or newer, or unset NOVA_NEO4J_URL.")
    return version


def _newest(batch: EdgeBatch) -> list[dict[str, Any]]:
    """Return one piece of news a pair, in the order in which all who write lock followers."""
    ended = batch.ended or [False] * len(batch.versions)
    rows = zip(split(batch.sources), split(batch.targets), batch.at_ms, batch.versions, ended, strict=True)
    news: dict[tuple[bytes, bytes], tuple[int, bool, int]] = {}
    for source, target, at_ms, version, over in rows:
        news[source, target] = max(news.get((source, target), (-1, False, 0)), (version, over, at_ms))
    return [
        {
            "follower": str(UUID(bytes=source)),
            "followee": str(UUID(bytes=target)),
            "since_ms": at_ms,
            "version": version,
            "ended": over,
        }
        for (source, target), (version, over, at_ms) in sorted(news.items())
    ]


def _around(viewer: UserId, *, k: int, exclude: bytes) -> dict[str, object]:
    return {
        "viewer": str(viewer),
        "k": k,
        "exclude": _texts(exclude),
        "max_middles": MAX_MIDDLES,
        "max_per_middle": MAX_PER_MIDDLE,
    }


def _texts(ids: bytes) -> list[str]:
    return list(map(str, unpack(ids)))


def _packed(texts: Iterable[str]) -> bytes:
    return pack(map(UUID, texts))
