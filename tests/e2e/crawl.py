"""Everything that one viewer can reach: every field of every entity, every list to its end."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from graphql import GraphQLField, get_named_type, is_leaf_type

from tests.e2e.nova import Answer, Nova, Person
from tests.e2e.schema import Catalogue, Kind, Ways, leaves

AT_ONCE = 6
COUNTED = {
    "followerCount": "followers",
    "followingCount": "following",
    "postCount": "posts",
    "likeCount": "likers",
    "replyCount": "replies",
}
"""Which list each count counts. `commentCount` counts a tree; what counts nothing that is listed is not here."""

MOST_TRIES = 20


@dataclass(frozen=True, slots=True)
class Place:
    """An entity: the name of its type, and its id."""

    kind: str
    id: str


@dataclass
class Found:
    """What a crawl brought home. `seen` holds every answer as it was sent, `fields` each field that was answered."""

    seen: list[str] = field(default_factory=list)
    fields: set[tuple[str, str]] = field(default_factory=set)
    values: dict[Place, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    lists: dict[tuple[Place, str], list[str]] = field(default_factory=dict)

    def betrays(self, marks: Iterable[str]) -> list[str]:
        """Return which of `marks` stand anywhere in the answers."""
        everything = "\n".join(self.seen)
        return sorted(mark for mark in marks if mark in everything)

    def miscounted(self) -> list[str]:
        """Return each count that differs from the list that it counts."""
        wrong = []
        for place, values in self.values.items():
            for count, listed in COUNTED.items():
                entries = self.lists.get((place, listed))
                if count in values and entries is not None and values[count] != len(entries):
                    wrong.append(f"{place}: {count} {values[count]}, but {listed} has {len(entries)}")
            if place.kind == "Post" and values["commentCount"] != len(self._thread(place)):
                wrong.append(f"{place}: {values['commentCount']} comments, but {self._thread(place)}")
        doubled = [key for key, entries in self.lists.items() if len(entries) != len(set(entries))]
        return wrong + [f"{key} has an entry twice" for key in doubled]

    def _thread(self, post: Place) -> list[str]:
        found: list[str] = []
        waiting = list(self.lists[post, "comments"])
        while waiting:
            comment = waiting.pop()
            found.append(comment)
            waiting += self.lists[Place("Comment", comment), "replies"]
        return found


class Crawl:
    """One viewer's way through all that he can reach, from the roots and from the ids in `ways`."""

    def __init__(self, nova: Nova, catalogue: Catalogue, viewer: Person, ways: Ways) -> None:
        self.found = Found()
        self._nova = nova
        self._catalogue = catalogue
        self._viewer = viewer
        self._ways = ways
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._met: set[Place] = set()
        self._tasks: asyncio.TaskGroup

    async def run(self) -> Found:
        """Walk until nothing new turns up."""
        async with asyncio.TaskGroup() as self._tasks:
            self._tasks.create_task(self._visit(self._catalogue.kinds["Viewer"], None))
            for thing_id, kind in self._ways.kinds.items():
                self._meet(Place(kind, thing_id))
            for name, one in self._catalogue.query.fields.items():
                if name in {"viewer", "node"}:
                    continue
                for call in self._ways.calls(name, one):
                    self._tasks.create_task(self._pages(call, one, ("{ ", " }"), (name,), None))
        return self.found

    async def _visit(self, kind: Kind, place: Place | None) -> None:
        """Ask for every field of an entity, or of the viewer."""
        around = (
            ("{ viewer { __typename ", " } }", ("viewer",))
            if place is None
            else (f'{{ node(id: "{place.id}") {{ __typename ... on {kind.name} {{ ', " } } }", ("node",))
        )
        begin, end, path = around
        plain = await self._ask(f"{begin} {' '.join(leaves(kind))} {self._catalogue.inside(kind)} {end}")
        held = plain.data[path[0]]
        if held is None:
            return
        if place is not None:
            self.found.values[place] |= held
        for name, one in kind.fields.items():
            if one.args and not is_leaf_type(get_named_type(one.type)):
                for call in self._ways.calls(name, one):
                    self._tasks.create_task(self._pages(call, one, (begin, end), (*path, name), place))

    async def _pages(
        self,
        call: str,
        one: GraphQLField,
        around: tuple[str, str],
        path: tuple[str, ...],
        place: Place | None,
    ) -> None:
        """Ask for what a field holds and, where it is a list in pages, for all of them."""
        document = f"{around[0]} {call} {self._catalogue.shown(one)} {around[1]}"
        paged = "$after" in document
        after = None
        listed: list[str] = []
        while True:
            answer = (
                await self._ask(f"query($after: String) {document}", after=after)
                if paged
                else await self._ask(document)
            )
            held = answer.data
            for step in path:
                held = held and held[step]
            if not paged or held is None:
                break
            listed += [edge["node"]["id"] for edge in held["edges"] if "id" in edge["node"]]
            if not held["pageInfo"]["hasNextPage"]:
                break
            after = held["pageInfo"]["endCursor"]
        if paged and place is not None and held is not None:
            self.found.lists[place, path[-1]] = listed
        elif paged and path[0] == "viewer":
            self.found.lists[Place("Viewer", ""), path[-1]] = listed

    async def _ask(self, document: str, **variables: Any) -> Answer:
        # On a busy machine a source may be late and named: the walk wants all that there is, and asks again.
        for _ in range(MOST_TRIES):
            async with self._gate:
                response = await self._nova.post(document, variables, by=self._viewer)
            answer = Answer(response.json())
            self.found.seen.append(response.text)
            assert "errors" not in answer, (document, answer["errors"])
            if "degraded" not in answer["extensions"]:
                break
        assert "degraded" not in answer["extensions"], (document, answer["extensions"])
        self.found.fields |= {("Query", name) for name in answer["data"]}
        for held in objects(answer["data"]):
            kind = held["__typename"]
            self.found.fields |= {(kind, name.removeprefix(f"{kind}_")) for name in held}
            if kind in self._catalogue.entities and "id" in held:
                self._meet(Place(kind, held["id"]))
        return answer

    def _meet(self, place: Place) -> None:
        if place not in self._met:
            self._met.add(place)
            self._tasks.create_task(self._visit(self._catalogue.kinds[place.kind], place))


async def wandered(
    nova: Nova, catalogue: Catalogue, viewer: Person, ways: Ways, *, count: int, seed: int
) -> list[str]:
    """Go `count` random ways from the roots to the deepest that is allowed; return the answers of those that ran."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def go(document: str) -> str | None:
        # On a busy machine a room may be late: what it would have said is asked for again.
        for _ in range(MOST_TRIES):
            async with gate:
                response = await nova.post(document, by=viewer)
            answer = Answer(response.json())
            if "errors" not in answer:
                return response.text
            if answer.code not in {"TIMEOUT", "UNAVAILABLE"}:
                break
        assert answer.code in {"QUERY_TOO_COMPLEX", "BACKEND_BUDGET_EXCEEDED"}, (document, answer)
        assert "data" not in answer, (document, "was refused only after something had run")
        return None

    documents = islice(catalogue.paths(ways, random.Random(seed)), count)
    answers = await asyncio.gather(*map(go, documents))
    return [answer for answer in answers if answer is not None]


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object that says of what type it is, at any depth."""
    if isinstance(value, dict):
        if "__typename" in value:
            yield value
        for one in value.values():
            yield from objects(one)
    elif isinstance(value, list):
        for one in value:
            yield from objects(one)
