"""Who is there while a part is broken: people who write, and one who reads the home feed and looks what is missing."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

from nova.app.bench.chaos_stage import Stage
from nova.app.bench.client import Clients
from nova.app.bench.town import ARRIVED, Person, account, person_of
from nova.app.bench.writers import LOST_ANSWERS, RETRIED, Mutation, Told, Writer, answered
from nova.platform.errors import Timeout, Unavailable

WRITERS: Final = 4
POSTS: Final = 5
"""What is in the reader's feed when a fault begins."""

WHOLE_S: Final = 120.0
_THINKS_S: Final = 0.2
"""Of each writer, between two acts: unbroken, the platform has time for all, on two cores and beside real engines."""
_LOOK_EVERY_S: Final = 0.25
_MODES: Final = ("RANKED", "FOLLOWING")
_HOME = """query($mode: FeedMode!, $walks: Boolean!) {
  viewer { user { handle suggested(first: 3) @include(if: $walks) { user { handle } } } }
  homeFeed(mode: $mode, first: 20) {
    edges { node { id caption likeCount commentCount author { handle displayName } } } } }"""


@dataclass(slots=True)
class Reader:
    """Reads the home feed, ranked and by time in turn, and keeps what he was told.

    With `walks` he also asks whom he might follow, which is found by a walk along follows; with `rest` a page will do
    that has all but the feed. `praised` is a post that somebody likes and has commented on; "" for none.
    `silent` holds answers in which something is missing and nothing says so, `wrong` errors that are neither
    UNAVAILABLE nor TIMEOUT.
    """

    asks: Clients
    person: Person
    walks: bool = False
    rest: bool = False
    praised: str = ""
    named: dict[str, None] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    async def read(self, number: int) -> None:
        """Read once. Raises `Unavailable` where no feed came, not even one of which something is missing."""
        try:
            answer = await self.ask(_MODES[number % len(_MODES)])
        except LOST_ANSWERS as error:
            raise Unavailable("no answer") from error
        self.take(answer, _MODES[number % len(_MODES)])

    async def ask(self, mode: str, *, token: str = "") -> Mapping[str, Any]:
        """Return a page, whatever it says; under a token of another session where one is given."""
        asked = {"mode": mode, "walks": self.walks}
        return await self.asks.exchange(_HOME, asked, token=token or self.person.token)

    def renew(self, token: str) -> None:
        """Ask under another token from now on: the first one has ended."""
        self.person = Person(id=self.person.id, token=token)

    def take(self, answer: Mapping[str, Any], mode: str) -> None:
        """Judge an answer. Raises as `read` does."""
        errors, degraded = answer.get("errors", []), answer.get("extensions", {}).get("degraded", [])
        codes = {str(error.get("extensions", {}).get("code")): error for error in errors}
        self.named |= dict.fromkeys(degraded)
        self.wrong += [f"homeFeed: {error}" for code, error in codes.items() if code not in RETRIED]
        data = answer.get("data") or {}
        feed = data.get("homeFeed")
        if feed is None:
            if self.rest and errors and _is_known(data):
                return
            reasons = {error["extensions"].get("reason", code): None for code, error in codes.items()}
            raise Unavailable(f"no feed, {', '.join(reasons) or 'and nothing said'}")
        posts = [edge["node"] for edge in feed["edges"]]
        if not errors and not degraded:
            self.silent += self._missing(data, posts, mode)
        if not errors and "social" not in degraded:
            self.silent += [
                f"{mode}: a post that is liked and commented on has {post['likeCount']} and {post['commentCount']}"
                for post in posts
                if post["id"] == self.praised and not (post["likeCount"] and post["commentCount"])
            ]

    def _missing(
        self, data: Mapping[str, Any], posts: Sequence[Mapping[str, Any]], mode: str
    ) -> Iterator[str]:
        """Say what a page lacks that claims to be whole."""
        fewest = POSTS if mode == "FOLLOWING" else 1
        if len(posts) < fewest:
            yield f"{mode}: {len(posts)} of {fewest} posts"
        if not _is_known(data):
            yield f"{mode}: nobody reads it"
        if any(post["author"] is None for post in posts):
            yield f"{mode}: a post by nobody"
        if self.walks and not data["viewer"]["user"]["suggested"]:
            yield "nobody is suggested"

    async def is_whole(self) -> bool:
        """Return whether both feeds are there, and nothing is missing."""
        judge = replace(self, rest=False, named={}, silent=[], wrong=[])
        for mode in _MODES:
            try:
                answer = await self.ask(mode)
                judge.take(answer, mode)
            except (*LOST_ANSWERS, Unavailable):
                return False
            if "errors" in answer:
                return False
        return not judge.named and not judge.silent


def _is_known(data: Mapping[str, Any]) -> bool:
    """Return whether an answer tells the viewer who he is."""
    return bool(((data.get("viewer") or {}).get("user") or {}).get("handle"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What writers have been told so far: that something is done, or that it is not, by a refusal or by no answer."""

    acked: int
    refused: int

    def since(self, before: "Written") -> "Written":
        """Return what was told after another moment."""
        return Written(acked=self.acked - before.acked, refused=self.refused - before.refused)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """The people of one row: a reader who follows the author, and writers among each other; `handle` is the reader's.

    The bystander is nobody's friend: to him happens what a witness wants to happen to somebody.
    """

    stage: Stage
    handle: str
    reader: Reader
    author: Writer
    bystander: Writer
    writers: Sequence[Writer]
    targets: Sequence[str]

    @property
    def reacted_to(self) -> Sequence[str]:
        """All posts that anybody can have liked, or commented on."""
        return [*self.targets, self.reader.praised]

    @property
    def everybody(self) -> Sequence[Writer]:
        """All who have written anything."""
        return [*self.writers, self.author, self.bystander]

    @property
    def written(self) -> Written:
        """What those who write without end have been told until now."""
        return Written(
            acked=sum(len(writer.acts) for writer in self.writers),
            refused=sum(writer.told.repeats for writer in self.writers),
        )

    async def becomes_whole(self) -> None:
        """Return once all parts serve, a page is whole, and a new post gets into a feed. Raises `Timeout`."""
        until = time.monotonic() + WHOLE_S
        while not (await self.stage.serves() and await self.reader.is_whole()):
            await _patience(until, "is not whole")
        post = await self.author.publish()
        while not await self._is_fed(post):
            await _patience(until, "does not bring a post into a feed")

    async def _is_fed(self, post: str) -> bool:
        try:
            answer = await self.reader.ask("FOLLOWING")
        except LOST_ANSWERS:
            return False
        feed = (answer.get("data") or {}).get("homeFeed") or {"edges": []}
        return post in [edge["node"]["id"] for edge in feed["edges"]]

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Have all writers write during the block. What they have begun they end after it. Raises `Timeout`."""
        ended = asyncio.Event()

        async def write(writer: Writer) -> None:
            while not ended.is_set():
                await writer.act(self.targets)
                await asyncio.sleep(_THINKS_S)

        try:
            async with asyncio.TaskGroup() as load:
                for writer in self.writers:
                    load.create_task(write(writer))
                try:
                    yield
                finally:
                    ended.set()
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None


async def crowd(
    stage: Stage, numbers: "itertools.count[int]", *, walks: bool = False, rest: bool = False
) -> Crowd:
    """Sign new people up, so that what they see is theirs alone, and wait until the stage is whole for them.

    The author follows a writer: with `walks` the reader finds that one at two steps. That writer likes the author's
    last post, and comments on it. `walks` and `rest` are those of the reader.
    """
    number = next(numbers)
    names = ["reader", "author", "bystander", *(f"writer{writer}" for writer in range(WRITERS))]
    people = {name: await _arrived(stage.asks, f"{name}_{number}") for name in names}
    reader = Reader(stage.asks, people.pop("reader"), walks, rest)
    author = _writer(stage, f"author_{number}", people.pop("author"))
    bystander = _writer(stage, f"bystander_{number}", people.pop("bystander"))
    first, *_ = people.values()
    await _follow(stage.asks, f"reader_{number}", reader.person, author.person)
    await _follow(stage.asks, author.name, author.person, first)
    author.follows[first.id] = True
    for _ in range(POSTS):
        reader.praised = await author.publish()
    writers = [
        _writer(stage, f"{name}_{number}", person, [one.id for one in people.values() if one is not person])
        for name, person in people.items()
    ]
    targets = [await writer.publish() for writer in writers]
    await writers[0].like(reader.praised)
    await writers[0].comment(reader.praised)
    found = Crowd(
        stage=stage,
        handle=f"reader_{number}",
        reader=reader,
        author=author,
        bystander=bystander,
        writers=writers,
        targets=targets,
    )
    await found.becomes_whole()
    return found


async def _arrived(asks: Clients, handle: str) -> Person:
    given = {**account(handle), "idempotencyKey": f"{handle}-arrives"}
    return person_of(await answered(asks, Mutation("signUp", ARRIVED, given), told=Told()))


async def _follow(asks: Clients, name: str, person: Person, other: Person) -> None:
    given = {"userId": other.id, "idempotencyKey": f"{name}-follows"}
    await answered(asks, Mutation("followUser", "state", given), token=person.token, told=Told())


def _writer(stage: Stage, name: str, person: Person, others: Sequence[str] = ()) -> Writer:
    return Writer(stage.asks, name, person, Random(name), others)  # noqa: S311 - what he does next is no secret


async def _patience(until: float, what: str) -> None:
    if time.monotonic() > until:
        raise Timeout(f"The platform {what} after {WHOLE_S:g} s.")
    await asyncio.sleep(_LOOK_EVERY_S)
