"""A2: counts equal the lists of the same viewer, for every one of the 300 people of the small world.

Each viewer takes a slice of the profiles and the posts that is not his neighbour's, so that together they look at all
of them. `NOVA_E2E_SHARE` is how many three-hundredths of the world each looks at: 1 in the suite, 300 is everything.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import pytest

from nova.app.house import House
from nova.app.logins import PASSWORD, SHOWN_HANDLES
from nova.app.seed import plan_of
from nova.app.world.model import World
from nova.gateway.global_ids import Kind, encode
from nova.platform.auth.actor import Actor
from nova.platform.rpc.context import CallContext, entered
from tests.e2e.forge import Forge
from tests.e2e.nova import Nova, Person
from tests.e2e.recount import Recount, Tally, Truth, patiently
from tests.e2e.shapes import inhabited
from tests.e2e.unrest import AT_ONCE, Unrest

SHARE = int(os.environ.get("NOVA_E2E_SHARE", "1"))
SAMPLE = 10
"""Every tenth viewer walks by GraphQL too."""

pytestmark = [pytest.mark.long, pytest.mark.timeout(300 + 60 * SHARE)]
T = TypeVar("T")


@dataclass
class Society:
    """The small world after its unrest, and the people of it signed in."""

    nova: Nova
    house: House
    world: World
    forge: Forge
    actors: dict[UUID, Actor] = field(default_factory=dict)

    @contextmanager
    def acting(self, user_id: UUID) -> Iterator[None]:
        """Make calls as somebody inside the block."""
        with entered(CallContext(actor=self.actors[user_id])):
            yield

    def person(self, number: int) -> Person:
        one = self.world.people[number]
        token = self.actors[one.id].token
        return Person(id=encode(Kind.USER, one.id.bytes), handle=one.handle, token=token, refresh_token="")

    async def sign_in(self, *people: UUID) -> None:
        """Give people a token. It is signed with the platform's own key: 300 passwords would take a minute."""
        issued_at = int(time.time())
        times = {"iat": issued_at, "exp": issued_at + self.house.config.tokens.access_s}
        for user_id in people:
            token = self.forge.token(sub=str(user_id), user_id=str(user_id), **times)
            self.actors[user_id] = (await self.house.platform.verifier.verify(token)).actor

    def slice_of(self, things: Sequence[T], number: int) -> list[T]:
        """Return what the viewer of a number looks at: together all look at everything."""
        people = len(self.world.people)
        return [one for place, one in enumerate(things) if (place + number) % people < SHARE]

    async def truth(self) -> Truth:
        """Return what the tables hold."""
        assert self.nova.engines is not None
        connection = await asyncpg.connect(self.nova.engines.room_dsn("social"))
        try:
            shares = await connection.fetch(
                "SELECT post_id AS of, array_agg(user_id) AS who FROM shares GROUP BY 1"
            )
            likes = await connection.fetch(
                "SELECT comment_id AS of, array_agg(user_id) AS who FROM comment_likes GROUP BY 1"
            )
            totals = await connection.fetch(
                "SELECT post_id AS of, sum(likes) AS likes, sum(comments) AS comments, sum(shares) AS shares "
                "FROM post_counters GROUP BY 1"
            )
        finally:
            await connection.close()
        return Truth(
            sharers={row["of"].bytes: frozenset(row["who"]) for row in shares},
            comment_likers={row["of"].bytes: frozenset(row["who"]) for row in likes},
            totals={row["of"].bytes: (row["likes"], row["comments"], row["shares"]) for row in totals},
        )


@pytest.fixture(scope="module")
async def society() -> AsyncIterator[Society]:
    with tempfile.TemporaryDirectory(prefix="nova-world-") as folder:
        async with inhabited(Path(folder), NOVA_WORLD="small") as (nova, house):
            plan = plan_of(house.config.server.data)
            assert plan is not None
            shown = await nova.do(
                "signIn", "tokens { accessToken }", login=SHOWN_HANDLES[0], password=PASSWORD
            )
            forge = await Forge.of(nova, shown["tokens"]["accessToken"])
            made = Society(nova, house, plan.world(), forge)
            await made.sign_in(*(one.id for one in made.world.people))
            await Unrest(house, made.world, made.acting).break_out()
            yield made


async def test_a2_every_viewer_s_counts_equal_the_lists_that_he_walks(
    society: Society, record_testsuite_property: Any
) -> None:
    world, whole, gate = society.world, Tally(), asyncio.Semaphore(AT_ONCE)
    recount = Recount(society.house, await society.truth())
    people, posts = [person.id for person in world.people], [post.id for post in world.posts]
    assert (len(people), len(posts)) == (300, 5_000)

    async def looked(number: int) -> None:
        viewer = world.people[number]
        async with gate:
            await society.sign_in(viewer.id)  # to look at everything takes longer than a token lives
            with society.acting(viewer.id):
                profiles, writings = society.slice_of(people, number), society.slice_of(posts, number)
                whole.add(await patiently(partial(recount.people, viewer.handle, profiles)))
                whole.add(await patiently(partial(recount.posts, viewer.handle, writings)))

    await asyncio.gather(*map(looked, range(len(people))))
    for name in ("compared", "lessened"):
        record_testsuite_property(name, getattr(whole, name))
    assert whole.wrong == [], f"{len(whole.wrong)} of {whole.compared}:\n" + "\n".join(whole.wrong[:50])
    assert whole.compared >= SHARE * 3 * (len(people) + len(posts))
    assert whole.lessened > 0, "hardly anybody had anything hidden from him"


COUNTS = "query($id: ID!) { node(id: $id) { ... on User { followerCount followingCount postCount } } }"
LIKES = "query($id: ID!) { post(id: $id) { likeCount commentCount } }"
PAGES = "{ edges { node { id } } pageInfo { hasNextPage endCursor } }"
THREADS = "{ edges { node { id replyCount } } pageInfo { hasNextPage endCursor } }"


async def test_a2_counts_equal_lists_by_graphql_too(society: Society) -> None:
    tally = Tally()
    for number in range(0, len(society.world.people), SAMPLE):
        await society.sign_in(society.world.people[number].id)
        viewer = society.person(number)
        profile = society.world.people[(number + 1) % len(society.world.people)].id
        await profile_walked(society.nova, viewer, encode(Kind.USER, profile.bytes), tally)
        for post in society.slice_of(society.world.posts, number)[:3]:
            await post_walked(society.nova, viewer, encode(Kind.POST, post.id.bytes), tally)
    assert tally.wrong == [], "\n".join(tally.wrong)
    assert tally.compared > len(society.world.people) // SAMPLE * 5


async def profile_walked(nova: Nova, viewer: Person, user_id: str, tally: Tally) -> None:
    """Compare the counts of a profile with its lists, as a client does."""
    counts = (await nova.ask(COUNTS, {"id": user_id}, by=viewer)).data["node"]
    if counts is None:
        return
    for count, listed in (
        ("followerCount", "followers"),
        ("followingCount", "following"),
        ("postCount", "posts"),
    ):
        document = (
            "query($id: ID!, $first: Int, $after: String) { node(id: $id) { ... on User { "
            f"{listed}(first: $first, after: $after) {PAGES} }} }} }}"
        )
        nodes = await nova.walk(document, ("node", listed), viewer, page=100, id=user_id)
        tally.compare(f"{viewer.handle} at {user_id}: {count}", counts[count], [node["id"] for node in nodes])


async def post_walked(nova: Nova, viewer: Person, post_id: str, tally: Tally) -> None:
    """Compare the counts of a post and of its comments with what can be walked, as a client does."""
    counts = (await nova.ask(LIKES, {"id": post_id}, by=viewer)).data["post"]
    if counts is None:
        return
    where = f"{viewer.handle} at {post_id}"
    of_post = "query($id: ID!, $first: Int, $after: String) { post(id: $id) { %s(first: $first, after: $after) %s } }"
    likers = await nova.walk(of_post % ("likers", PAGES), ("post", "likers"), viewer, page=100, id=post_id)
    tally.compare(f"{where}: likeCount", counts["likeCount"], [node["id"] for node in likers])
    level = await nova.walk(
        of_post % ("comments", THREADS), ("post", "comments"), viewer, page=100, id=post_id
    )
    walked = [comment["id"] for comment in level]
    replies = (
        "query($id: ID!, $first: Int, $after: String) { node(id: $id) { ... on Comment { "
        f"replies(first: $first, after: $after) {THREADS} }} }} }}"
    )
    while level:
        comment = level.pop()
        below = await nova.walk(replies, ("node", "replies"), viewer, page=100, id=comment["id"])
        tally.compare(f"{where}: replyCount", comment["replyCount"], [reply["id"] for reply in below])
        walked += [reply["id"] for reply in below]
        level += below
    tally.compare(f"{where}: commentCount", counts["commentCount"], walked)
