"""From a commit to its effects, by topic: people who just came do things at the gateway, and the metrics are read.

One topic after another, at a constant rate. An effect counts where the platform itself counts it: in the consumer
group or the projection that hears of it, once it is committed or visible there.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nova.app.bench import machine
from nova.app.bench.client import Clients
from nova.app.bench.effects import Effect, Histogram, effects_of
from nova.app.bench.figures import Figure, Result
from nova.app.bench.open_loop import at_rate
from nova.app.bench.own_nova import OwnNova, own_nova
from nova.app.bench.town import Deed, Town
from nova.app.bench.visitors import signed_in
from nova.platform.config import Config, World
from nova.platform.errors import InvalidArgument, Timeout
from nova.platform.events import Topic
from nova.policy import topics

NEWCOMERS: Final = 40
NEWCOMERS_A_S: Final = 2.0
EVENTS: Final = 100
EVENTS_A_S: Final = 20.0

_CONNECTIONS: Final = 16
_LONGEST_S: Final = 20.0
_LOOK_EVERY_S: Final = 0.1

_GOALS_MS: Final = {
    topics.USER_CREATED.name: 500,
    topics.PROFILE_UPDATED.name: 300,
    topics.BLOCK_CREATED.name: 300,
    topics.BLOCK_DELETED.name: 300,
    topics.FOLLOW_CREATED.name: 200,
    topics.FOLLOW_DELETED.name: 200,
    topics.POST_CREATED.name: 300,
    topics.POST_DELETED.name: 300,
    topics.LIKE_CREATED.name: 100,
    topics.LIKE_DELETED.name: 100,
    topics.SHARE_CREATED.name: 100,
    topics.SHARE_DELETED.name: 100,
    topics.COMMENT_CREATED.name: 100,
    topics.COMMENT_DELETED.name: 100,
}
"""The objectives at the 95th percentile. A topic without one of its own has that of its room's others."""

_NOTES: Final = (
    "An effect is timed from the emission inside the producer's transaction: commit to effect is a little less.",
    "p50 and p95 are the bounds of the histogram's buckets that hold them, so at most that; the mean is exact.",
    "Every objective is a bound of a bucket: met or missed is exact.",
    "Deletions have the objective of what they end. Heard by: all consumer groups and projections that stand.",
)


async def events(config: Config) -> Result:
    """Start a Nova in a folder of its own, and let newcomers do what emits each event."""
    world = config.server.world
    if world is World.NONE:
        raise InvalidArgument(
            "Events need people who hear of them: unset NOVA_WORLD, or choose small, medium or big."
        )
    where = {**machine.machine(), "world": world.value}
    with tempfile.TemporaryDirectory(prefix="nova-bench-") as folder:
        async with own_nova(Path(folder) / "data", world) as nova:
            figures = await _figures(nova)
    return Result(benchmark="events", machine=where, figures=figures, notes=_NOTES, by_case=True)


async def _figures(nova: OwnNova) -> list[Figure]:
    asks = Clients(nova.graphql, most=_CONNECTIONS)
    try:
        town = Town(asks, [await signed_in(asks, handle, nova.password) for handle in nova.handles])
        return [figure for step in _steps(town) for figure in await _measured(asks, step)]
    finally:
        await asks.aclose()


@dataclass(frozen=True, slots=True)
class Step:
    """What emits the events of one topic."""

    topic: str
    deed: Deed
    calls: int
    rate: float


def _steps(town: Town) -> Sequence[Step]:
    """Return all steps, in an order in which each finds what it is about."""
    deeds: Sequence[tuple[Topic[Any], Deed]] = (
        (topics.PROFILE_UPDATED, town.describe),
        (topics.FOLLOW_CREATED, town.to_other("followUser")),
        (topics.FOLLOW_DELETED, town.to_other("unfollowUser")),
        (topics.POST_CREATED, town.post),
        (topics.LIKE_CREATED, town.to_post("likePost")),
        (topics.LIKE_DELETED, town.to_post("unlikePost")),
        (topics.SHARE_CREATED, town.to_post("sharePost")),
        (topics.SHARE_DELETED, town.to_post("unsharePost")),
        (topics.COMMENT_CREATED, town.comment),
        (topics.COMMENT_DELETED, town.delete_comment),
        (topics.POST_DELETED, town.delete_post),
        (topics.BLOCK_CREATED, town.to_other("blockUser")),
        (topics.BLOCK_DELETED, town.to_other("unblockUser")),
    )
    return [
        Step(topics.USER_CREATED.name, town.sign_up, NEWCOMERS, NEWCOMERS_A_S),
        *(Step(topic.name, deed, EVENTS, EVENTS_A_S) for topic, deed in deeds),
    ]


async def _measured(asks: Clients, step: Step) -> list[Figure]:
    before = await _effects(asks, step.topic)
    load = await at_rate(step.deed, rate=step.rate, calls=step.calls)
    load.require_all(step.topic)
    found = await _settled(asks, step, before)
    return [figure for effect, histogram in found.items() for figure in _told(effect, histogram)]


async def _settled(asks: Clients, step: Step, before: dict[Effect, Histogram]) -> dict[Effect, Histogram]:
    """Return the histograms of what was emitted, once every hearer has heard all of it. Raises `Timeout`."""
    until = time.monotonic() + _LONGEST_S
    while True:
        now = await _effects(asks, step.topic)
        found = {
            effect: histogram.since(before.get(effect, Histogram())) for effect, histogram in now.items()
        }
        if found and all(histogram.count >= step.calls for histogram in found.values()):
            return found
        if time.monotonic() > until:
            heard = ", ".join(f"{effect.hearer} {histogram.count}" for effect, histogram in found.items())
            raise Timeout(
                f"Of {step.calls} events of {step.topic} not all had their effect in {_LONGEST_S:g} s: {heard}."
            )
        await asyncio.sleep(_LOOK_EVERY_S)


async def _effects(asks: Clients, topic: str) -> dict[Effect, Histogram]:
    every = effects_of(await asks.read("/metrics"))
    return {effect: histogram for effect, histogram in every.items() if effect.topic == topic}


def _told(effect: Effect, histogram: Histogram) -> list[Figure]:
    case, goal = f"{effect.topic} → {effect.hearer}", _GOALS_MS[effect.topic]
    return [
        Figure(name=f"{case}, p50 ≤", value=histogram.quantile_at_most_s(0.5) * 1000, unit="ms"),
        Figure(name=f"{case}, p95 ≤", value=histogram.quantile_at_most_s(0.95) * 1000, unit="ms", goal=goal),
        Figure(name=f"{case}, mean", value=histogram.mean_s * 1000, unit="ms"),
        Figure(name=f"{case}, events", value=histogram.count, unit=""),
    ]
