"""Puts a generated world into the rooms: through their own stores, in large steps, with every event emitted.

A world is the same for the same size, seed and moment. These are noted in the data folder before the first step,
so that a seeding which was cut off is taken up again with the same people, and nothing comes twice.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

import click
import structlog

from nova.app import reach, rooms
from nova.app.engines.passwords import replace_privately
from nova.app.logins import PASSWORD, SHOWN_HANDLES
from nova.app.prepare import log_of, prepare
from nova.app.progress import Progress, progress
from nova.app.sources import Sources
from nova.app.world import rows
from nova.app.world.generate import generate
from nova.app.world.model import World, WorldSize
from nova.platform import config as knobs
from nova.platform.backoff import Backoff
from nova.platform.config import Config
from nova.platform.db.database import Database, DatabaseConfig
from nova.platform.errors import Timeout, Unavailable
from nova.platform.relay import Relay
from nova.services.content import events as content_events
from nova.services.content.store.tx import ContentTx
from nova.services.graph import events as graph_events
from nova.services.graph.store.tx import GraphTx
from nova.services.identity import events as identity_events
from nova.services.identity.passwords import Passwords
from nova.services.identity.store.reading import IdentityStore
from nova.services.identity.store.tx import IdentityTx
from nova.services.social import events as social_events
from nova.services.social.store.tx import SocialTx
from nova.services.user import events as user_events
from nova.services.user.store.tx import UserTx

SEED: Final = 7
STEP: Final = 1000
LOG_S: Final = 60.0

_FILE = "world.json"
_log = structlog.get_logger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which world a data folder holds, and whether all of it is there."""

    size: WorldSize
    seed: int
    made_at: datetime
    done: bool

    def world(self) -> World:
        """Return the world, generated again."""
        return generate(self.size, self.seed, self.made_at)


def plan_of(data: Path) -> Plan | None:
    """Return what the data folder says of its world."""
    file = data / _FILE
    if not file.exists():
        return None
    kept = json.loads(file.read_text())
    return Plan(
        size=WorldSize(kept["size"]),
        seed=kept["seed"],
        made_at=datetime.fromisoformat(kept["made_at"]),
        done=kept["done"],
    )


class Seeder:
    """Seeds one data folder."""

    def __init__(self, config: Config, sources: Sources, told: Progress) -> None:
        self._data = config.server.data
        self._sources = sources
        self._told = told

    async def seed(self, wanted: knobs.World) -> None:
        """Make sure that the world is there. A folder that holds one keeps it, whichever is wanted now."""
        plan = plan_of(self._data)
        if plan is None:
            if wanted is knobs.World.NONE or await self._is_inhabited():
                return
            plan = Plan(size=WorldSize(wanted.value), seed=SEED, made_at=datetime.now(UTC), done=False)
            self._note(plan)
        if not plan.done:
            self._told.step(f"Making a {plan.size} world, which happens once")
            await self._plant(plan.world())
            self._note(Plan(size=plan.size, seed=plan.seed, made_at=plan.made_at, done=True))

    def _note(self, plan: Plan) -> None:
        kept = {"size": plan.size, "seed": plan.seed, "made_at": plan.made_at.isoformat(), "done": plan.done}
        replace_privately(self._data / _FILE, json.dumps(kept))

    async def _is_inhabited(self) -> bool:
        """Return whether a server of the user's own already holds a world."""
        async with self._database("identity") as database:
            return await IdentityStore(database).find_by_login(SHOWN_HANDLES[0]) is not None

    async def _plant(self, world: World) -> None:
        await self._accounts(world)
        await self._profiles(world)
        await self._follows(world)
        await self._posts(world)
        await self._reactions(world)
        await self._publish()
        _log.info("world_seeded", size=world.size, people=len(world.people), posts=len(world.posts))

    async def _accounts(self, world: World) -> None:
        passwords = Passwords(workers=1)
        password_hash = await passwords.hash(PASSWORD)
        passwords.close()
        accounts = [rows.account(person, password_hash) for person in world.people]
        async with self._database("identity") as database:
            for step in self._steps(accounts, "people"):
                async with database.transaction(IdentityTx) as tx:
                    new = set(await tx.add_accounts(step))
                    for account in step:
                        if account.user_id in new:
                            tx.emit(identity_events.user_created(account))

    async def _profiles(self, world: World) -> None:
        profiles = [rows.profile(person) for person in world.people]
        async with self._database("user") as database:
            for step in self._steps(profiles, "profiles"):
                async with database.transaction(UserTx) as tx:
                    new = await tx.add_profiles(step)
                    for profile in step:
                        if profile.user_id in new:
                            tx.emit(
                                user_events.profile_updated(
                                    profile, suggestible=True, updated_at=profile.created_at
                                )
                            )
            async with database.transaction(UserTx) as tx:
                for block in await tx.add_blocks([rows.block(entry) for entry in world.blocks]):
                    tx.emit(user_events.block_created(block))
                for mute in await tx.add_mutes([rows.mute(entry) for entry in world.mutes]):
                    tx.emit(user_events.mute_created(mute))

    async def _follows(self, world: World) -> None:
        follows = [rows.follow(entry) for entry in world.follows]
        async with self._database("graph") as database:
            for step in self._steps(follows, "follows"):
                async with database.transaction(GraphTx) as tx:
                    for follow in await tx.add_follows(step):
                        tx.emit(graph_events.follow_created(follow))

    async def _posts(self, world: World) -> None:
        posts = [rows.post(entry) for entry in world.posts]
        async with self._database("content") as database:
            for step in self._steps(posts, "posts"):
                async with database.transaction(ContentTx) as tx:
                    new = await tx.add_posts(step)
                    for post in step:
                        if post.post_id in new:
                            tx.emit(content_events.post_created(post))

    async def _reactions(self, world: World) -> None:
        authors = {post.id: post.author_id for post in world.posts}
        comments = rows.comments(world.comments)
        async with self._database("social") as database:
            for likes in self._steps([rows.like(entry) for entry in world.likes], "likes"):
                async with database.transaction(SocialTx) as tx:
                    for like in await tx.add_likes(likes):
                        tx.emit(social_events.like_created(like, rows.author(authors[like.post_id])))
            for step in self._steps(comments, "comments"):
                async with database.transaction(SocialTx) as tx:
                    for comment in await tx.add_comments(step):
                        tx.emit(social_events.comment_created(comment, rows.author(authors[comment.post_id])))

    async def _publish(self) -> None:
        """Empty the outboxes, so that the first new event does not wait behind all of these."""
        async with log_of(self._sources) as log:
            for room in ("identity", "user", "graph", "content", "social"):
                async with self._database(room) as database:
                    await emptied(Relay(database=database, log=log, topics=rooms.topics_of(room)))

    def _steps(self, items: Sequence[T], noun: str) -> Iterator[Sequence[T]]:
        """Cut `items` into pieces of a transaction each, and tell how far it is."""
        for start in range(0, len(items), STEP):
            yield items[start : start + STEP]
            self._told.count(noun, min(start + STEP, len(items)), len(items))

    @asynccontextmanager
    async def _database(self, room: str) -> AsyncIterator[Database]:
        settings = DatabaseConfig(
            room=room, dsn=self._sources.room_dsns[room], pool_size=1, statement_timeout_s=60
        )
        async with Database(settings) as database:
            yield database


async def emptied(relay: Relay, *, within_s: float = LOG_S) -> None:
    """Publish all that waits in an outbox. A log that has only just started may not answer yet: it is asked again.

    Raises `Unavailable` or `Timeout` where it still does not after `within_s` seconds.
    """
    waits, failures, until = Backoff(longest_s=1.0), 0, time.monotonic() + within_s
    while True:
        try:
            if not await relay.publish():
                return
        except (Unavailable, Timeout):
            failures += 1
            if time.monotonic() > until:
                raise
            await asyncio.sleep(waits.wait_s(failures))


async def seed(config: Config) -> None:
    """Put the world that is configured into the data folder, or the servers, of a Nova, which need not run."""
    data = config.server.data
    async with reach.engines(config, begin=True) as sources:
        await prepare(sources, rooms.ROOMS)
        data.mkdir(parents=True, exist_ok=True)
        told = progress(quiet=False)
        await Seeder(config, sources, told).seed(config.server.world)
        told.close()
    plan = plan_of(data)
    click.echo("no world" if plan is None else f"a {plan.size} world, made {plan.made_at:%Y-%m-%d %H:%M} UTC")
