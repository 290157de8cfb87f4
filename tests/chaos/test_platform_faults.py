"""One room killed (SIGKILL), the others alive: the page comes without it and names it, and nothing hidden is seen.

Each room a process of its own. What must hold is the table of faults: `another room | the page without it | named;
non-null never takes the page along`.
"""

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nova.app.bench.chaos_faults import stopped
from nova.app.supervisor import Supervisor
from tests.e2e.crawl import Found
from tests.e2e.nova import Answer, Nova, Person
from tests.e2e.shapes import is_ready, process_per_room
from tests.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]

TYPED = {"UNAVAILABLE", "TIMEOUT"}
HOME = """query($mode: FeedMode!) {
  viewer { user { handle } }
  homeFeed(mode: $mode, first: 20) {
    edges { node { id caption likeCount commentCount author { handle } } why { source } } } }"""
PERSON = """query($id: ID!) { node(id: $id) { ... on User { handle displayName bio followerCount postCount
  posts { edges { node { id caption } } } followers { edges { node { handle } } } stories { id caption } } } }"""
THING = """query($id: ID!) { node(id: $id) { __typename id
  ... on Post { caption likeCount author { handle } likers { edges { node { handle } } }
    comments { edges { node { text author { handle } } } } }
  ... on Comment { text author { handle } }
  ... on Story { story: caption author { handle } } } }"""
LISTS = """{ explore(first: 20) { edges { node { caption author { handle } } } }
  viewer { user { followers { edges { node { handle } } } suggested { user { handle } mutuals { handle } } } } }"""


@dataclass(frozen=True)
class Stage:
    """A reader with a feed, and what is hidden from him: by a block, by privacy, by an audience."""

    nova: Nova
    reader: Person
    writer: Person
    post: str
    open_ids: tuple[str, ...]
    hidden_ids: tuple[str, ...]
    marks: tuple[str, ...]

    @property
    def processes(self) -> Supervisor:
        assert self.nova.processes is not None
        return self.nova.processes

    async def home(self, mode: str = "RANKED") -> Answer:
        return await self.nova.ask(HOME, {"mode": mode}, by=self.reader)

    async def is_whole(self) -> bool:
        """Return whether everything answers, and the feed is as it should be."""
        for mode in ("RANKED", "FOLLOWING"):
            answer = await self.home(mode)
            if "errors" in answer or "degraded" in answer["extensions"]:
                return False
            shown = [edge["node"] for edge in answer.data["homeFeed"]["edges"]]
            if [(one["id"], one["likeCount"], one["commentCount"]) for one in shown] != [(self.post, 1, 1)]:
                return False
        return await is_ready(self.nova)

    @asynccontextmanager
    async def without(self, room: str) -> AsyncIterator[None]:
        """Kill a room for the length of the block; then wait until all is as before."""
        await until(self.is_whole, within_s=60)
        await self.processes.end(room, signal.SIGKILL)
        try:
            yield
        finally:
            await self.processes.begin(self.processes.parts[room])
            await until(self.is_whole, within_s=60)

    @asynccontextmanager
    async def hung(self, room: str) -> AsyncIterator[None]:
        """Have a room hang for the length of the block: it takes what it is sent, and does not answer."""
        await until(self.is_whole, within_s=60)
        self.processes.send(room, signal.SIGSTOP)
        try:
            yield
        finally:
            self.processes.send(room, signal.SIGCONT)
            await until(self.is_whole, within_s=60)


@pytest.fixture(scope="module")
async def stage() -> AsyncIterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="nova-faults-") as folder:
        async with process_per_room(Path(folder)) as nova:
            yield await staged(nova)


async def staged(nova: Nova) -> Stage:
    reader, writer, blocker, shy = [
        await nova.newcomer(name) for name in ("reader", "writer", "hidden_blocker", "hidden_shy")
    ]
    await nova.do("followUser", "state", reader, userId=writer.id)
    await nova.do("followUser", "state", reader, userId=blocker.id)
    await nova.do("followUser", "state", writer, userId=blocker.id)
    post = await nova.publish(writer, "for everyone to see")
    said = await nova.do("addComment", "comment { id }", reader, postId=post, text="seen by everyone")
    await nova.do("likePost", "post { id }", reader, postId=post)
    hidden = [
        await nova.publish(blocker, "hidden post of the blocker"),
        await nova.publish(shy, "hidden post of the shy"),
    ]
    hidden.append(
        await nova.publish(writer, "hidden for the chosen", audience="CHOSEN", audienceUserIds=[shy.id])
    )
    remark = await nova.do("addComment", "comment { id }", blocker, postId=post, text="hidden remark")
    await nova.do("likePost", "post { id }", blocker, postId=post)
    tale = await nova.do(
        "createStory", "story { id }", blocker, mediaUrl="https://img.example/s.jpg", caption="hidden story"
    )
    hidden += [remark["comment"]["id"], tale["story"]["id"], blocker.id]
    await nova.do("updateProfile", "user { id }", shy, isPrivate=True)
    await nova.do("blockUser", "user { id }", blocker, userId=reader.id)
    gone = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    await nova.eventually(reader, gone, {"nodes": [None] * len(hidden)}, ids=hidden)
    return Stage(
        nova=nova,
        reader=reader,
        writer=writer,
        post=post,
        open_ids=(writer.id, post, said["comment"]["id"], reader.id),
        hidden_ids=(*hidden, shy.id),
        marks=("hidden post", "hidden for", "hidden remark", "hidden story", blocker.handle),
    )


async def walked(stage: Stage) -> list[Answer]:
    """Ask for everything as the reader: nothing hidden may be in it, and every failure must be typed."""
    asked: list[tuple[str, dict[str, Any]]] = [
        *(
            (asking, {"id": one})
            for one in (*stage.open_ids, *stage.hidden_ids)
            for asking in (PERSON, THING)
        ),
        *((HOME, {"mode": mode}) for mode in ("RANKED", "FOLLOWING")),
        (LISTS, {}),
    ]
    responses = await asyncio.gather(
        *(stage.nova.post(document, variables, by=stage.reader) for document, variables in asked)
    )
    assert Found(seen=[response.text for response in responses]).betrays(stage.marks) == []
    answers = [Answer(response.json()) for response in responses]
    for answer in answers:
        codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
        assert codes <= TYPED, answer
    return answers


def captions(answer: Answer) -> list[str]:
    return [edge["node"]["caption"] for edge in answer["data"]["homeFeed"]["edges"]]


@pytest.mark.parametrize("room", ["ranking", "features"])
async def test_without_what_ranks_the_feed_is_still_full(stage: Stage, room: str) -> None:
    async with stage.without(room):
        answer = await stage.home()
        assert "errors" not in answer, answer
        assert room in answer["extensions"]["degraded"]
        assert captions(answer) == ["for everyone to see"]
        by_time = await stage.home("FOLLOWING")
        assert captions(by_time) == ["for everyone to see"]
        assert "degraded" not in by_time["extensions"]
        await walked(stage)


async def test_without_social_pages_come_without_counts(stage: Stage) -> None:
    async with stage.without("social"):
        for mode in ("RANKED", "FOLLOWING"):
            answer = await stage.home(mode)
            assert "errors" not in answer, answer
            assert "social" in answer["extensions"]["degraded"]
            (edge,) = answer.data["homeFeed"]["edges"]
            assert edge["node"]["likeCount"] == 0
            assert edge["node"]["author"] == {"handle": stage.writer.handle}
        post = await stage.nova.ask(THING, {"id": stage.post}, by=stage.reader)
        assert post.data["node"]["caption"] == "for everyone to see"
        assert post.data["node"]["likers"] == post.data["node"]["comments"] == {"edges": []}
        assert "social" in named(post)
        liked = await stage.nova.ask(LIKE, {"input": {"postId": stage.post}}, by=stage.reader)
        assert liked.code in TYPED
        assert await stage.nova.publish(stage.reader, "written meanwhile")
        await stage.nova.do(
            "deletePost", "deletedPostId", stage.reader, postId=(await stage.nova.posts_of(stage.reader))[0]
        )
        await walked(stage)


LIKE = "mutation($input: LikePostInput!) { likePost(input: $input) { post { id } userErrors { code } } }"


async def test_without_graph_nothing_hidden_is_shown(stage: Stage) -> None:
    async with stage.without("graph"):
        answer = await stage.home("FOLLOWING")
        assert answer["data"]["viewer"] == {"user": {"handle": stage.reader.handle}}
        assert answer["data"]["homeFeed"] == {"edges": []}, "who may see what is not known: it is hidden"
        assert "graph" in named(answer), answer
        for one in await walked(stage):
            assert one["data"] is not None, one


async def test_without_content_the_page_is_empty_and_says_why(stage: Stage) -> None:
    async with stage.without("content"):
        answer = await stage.home("FOLLOWING")
        assert answer["data"]["viewer"] == {"user": {"handle": stage.reader.handle}}
        assert "content" in named(answer), answer
        await walked(stage)


async def test_without_user_cards_that_are_known_are_shown(stage: Stage) -> None:
    async with stage.without("user"):
        answer = await stage.home("FOLLOWING")
        assert answer["data"]["homeFeed"] is not None, answer
        assert captions(answer) == ["for everyone to see"] or "user" in named(answer)
        own = await stage.nova.ask("{ viewer { email blocked { edges { node { id } } } } }", by=stage.reader)
        assert own.data["viewer"]["email"]
        assert own.data["viewer"]["blocked"] == {"edges": []}
        assert "user" in named(own)
        await walked(stage)


async def test_without_feed_the_rest_of_the_page_is_there(stage: Stage) -> None:
    async with stage.without("feed"):
        answer = await stage.home("FOLLOWING")
        assert answer["data"]["viewer"] == {"user": {"handle": stage.reader.handle}}
        assert answer["data"]["homeFeed"] is None
        assert {error["extensions"]["code"] for error in answer["errors"]} <= TYPED
        await walked(stage)


async def test_without_identity_who_is_signed_in_goes_on(stage: Stage) -> None:
    async with stage.without("identity"):
        answer = await stage.home()
        assert "errors" not in answer, answer
        assert captions(answer) == ["for everyone to see"]
        mail = await stage.nova.ask(
            "{ viewer { email } homeFeed { edges { node { id } } } }", by=stage.reader
        )
        assert mail["data"]["viewer"] is None
        assert len(mail["data"]["homeFeed"]["edges"]) == 1
        refused = await stage.nova.http.post(
            "/auth/login", json={"login": stage.reader.handle, "password": "x"}
        )
        assert refused.status_code == 503
        await walked(stage)


@pytest.mark.parametrize("room", ["ranking", "features", "social"])
async def test_a_room_that_hangs_is_left_out_of_the_page_and_named(stage: Stage, room: str) -> None:
    async with stage.hung(room):
        answer = await stage.home()
        assert "errors" not in answer, answer
        assert room in named(answer)
        assert captions(answer) == ["for everyone to see"]


@pytest.mark.parametrize("room", ["graph", "content", "user", "feed"])
async def test_while_a_room_hangs_nothing_hidden_is_shown(stage: Stage, room: str) -> None:
    async with stage.hung(room):
        await walked(stage)


async def test_without_redis_everything_goes_on_and_is_right(stage: Stage) -> None:
    nova = stage.nova
    assert nova.engines is not None
    await until(stage.is_whole, within_s=60)
    with stopped(nova.engines.pids["Valkey"]):
        ranked, by_time = await stage.home(), await stage.home("FOLLOWING")
        for answer in (ranked, by_time):
            assert "errors" not in answer, answer
            assert [edge["node"]["likeCount"] for edge in answer.data["homeFeed"]["edges"]] == [1]
        unliked = await nova.do("unlikePost", "post { likeCount }", stage.reader, postId=stage.post)
        assert unliked["post"] == {"likeCount": 0}
        liked = await nova.do("likePost", "post { likeCount }", stage.reader, postId=stage.post)
        assert liked["post"] == {"likeCount": 1}
        await walked(stage)
    await until(stage.is_whole, within_s=60)


async def test_without_the_relay_writes_go_on_and_their_events_follow(stage: Stage) -> None:
    nova, processes = stage.nova, stage.processes
    await until(stage.is_whole, within_s=60)
    await processes.end("relay", signal.SIGKILL)
    late = await nova.publish(stage.writer, "written without a relay")
    assert (await nova.ask("query($id: ID!) { post(id: $id) { id } }", {"id": late}, by=stage.reader)).data[
        "post"
    ]
    await processes.begin(processes.parts["relay"])

    async def fed() -> bool:
        return late in await nova.feed(stage.reader)

    await until(fed, within_s=60)
    await nova.do("deletePost", "deletedPostId", stage.writer, postId=late)
    await until(stage.is_whole, within_s=60)


def named(answer: Answer) -> list[str]:
    """Return what an answer says that it lacks."""
    degraded: list[str] = answer["extensions"].get("degraded", [])
    return degraded
