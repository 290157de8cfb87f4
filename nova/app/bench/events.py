"""From a commit to its effects, by topic: people who just came do things at the gateway, and the metrics are read.

One topic after another, at a constant rate. An effect counts where the platform itself counts it: in the consumer
group or the projection that hears of it, once it is committed or visible there. Of one process the gateway's metrics
are read, of a process a room those of each; on real engines the way leads over the relay, Kafka and the consumers.
"""

import asyncio
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nova.app.bench.client import Clients
from nova.app.bench.effects import Effect, Histogram, effects_of
from nova.app.bench.figures import Figure, Result
from nova.app.bench.heard import EVERY_TOPIC, GOALS_MS, hearers_of
from nova.app.bench.open_loop import at_rate
from nova.app.bench.own_nova import OwnNova, described, own_nova
from nova.app.bench.real_engines import real_engines_if
from nova.app.bench.town import Deed, Town
from nova.app.bench.visitors import signed_in
from nova.app.ports import free_range
from nova.app.processes import all_ports, metrics_port_of, metrics_ports
from nova.app.rooms import ROOMS
from nova.platform.config import Config, Server, World
from nova.platform.errors import InvalidArgument
from nova.platform.events import Topic
from nova.policy import topics

NEWCOMERS: Final = 40
NEWCOMERS_A_S: Final = 2.0
EVENTS: Final = 100
EVENTS_A_S: Final = 20.0
HEARD_S: Final = 20.0
"""An effect that has not come so long after the last event counts as lost."""

_CONNECTIONS: Final = 16
_LOOK_EVERY_S: Final = 0.2
_SCRAPE_S: Final = 10.0

_NOTES: Final = (
    "An effect is timed from the emission inside the producer's transaction: commit to effect is a little less.",
    "p50 and p95 are the bounds of the histogram's buckets that hold them, so at most that; the mean is exact.",
    "Every objective is a bound of a bucket: met or missed is exact. Deletions have that of what they end.",
    "Designed for, a topic: of user 8,000/s, lag p99 500 ms; of content 12,000/s, 300 ms; of feed 15,000/s, 200 ms.",
    "  Here each event is a mutation at the gateway, which is what bounds the rate; 20/s are asked for. What relay and",
    "  consumers bear by themselves is in `nova bench run relay` and `nova bench run consumer`.",
    "On real engines follows and their ends are done once before they are timed: a Neo4j that just started compiles.",
    "events: with an effect at that hearer, of all that were emitted; a hearer that hears of none has no times.",
)


async def events(config: Config, *, processes: bool = False, real: bool = False) -> Result:
    """Start a Nova in a folder of its own, and let newcomers do what emits each event."""
    world = config.server.world
    if world is World.NONE:
        raise InvalidArgument(
            "Events need people who hear of them: unset NOVA_WORLD, or choose small, medium or big."
        )
    options, ports = ["--processes"] if processes else [], free_range(all_ports())
    base = ports + all_ports() - metrics_ports()
    knobs = {"NOVA_GRPC_PORT_BASE": str(ports), "NOVA_METRICS_PORT": str(base)}
    with tempfile.TemporaryDirectory(prefix="nova-bench-") as folder:
        async with (
            real_engines_if(real, Path(folder) / "engines") as engines,
            own_nova(Path(folder) / "data", world, *options, engines=engines, knobs=knobs) as nova,
        ):
            where = described(world, processes=processes, engines=engines)
            meters = Meters([metrics_port_of(base, room) for room in ROOMS] if processes else [base])
            figures = await _figures(nova, meters, neo4j=real)
            unheard = sorted(
                {topic.name for topic in EVERY_TOPIC} - {one.topic for one in await meters.read()}
            )
    return Result(
        benchmark="events",
        machine=where,
        figures=figures,
        notes=(*_NOTES, f"Nobody hears of: {', '.join(unheard)}."),
        by_case=True,
    )


class Meters:
    """The metrics of all processes in which somebody hears of events, by their ports on this machine."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._urls = [f"http://{Server().grpc_host}:{port}/metrics" for port in ports]

    async def read(self) -> Mapping[Effect, Histogram]:
        """Return what they say of effects. Each hearer is in one process, so nothing has to be added up."""
        told = await asyncio.gather(*(asyncio.to_thread(_scraped, url) for url in self._urls))
        return {effect: histogram for one in told for effect, histogram in effects_of(one).items()}


def _scraped(url: str) -> str:
    with urllib.request.urlopen(url, timeout=_SCRAPE_S) as answer:  # noqa: S310 - our own process
        text: str = answer.read().decode()
        return text


async def _figures(nova: OwnNova, meters: Meters, *, neo4j: bool) -> list[Figure]:
    asks = Clients(nova.graphql, most=_CONNECTIONS)
    try:
        town = Town(asks, [await signed_in(asks, handle, nova.password) for handle in nova.handles])
        arrivals, *others = _steps(town)
        figures = await _measured(meters, arrivals, neo4j=neo4j)
        if neo4j:
            # Follows, and their ends: after them all is as before, but that Neo4j has compiled what it runs for them.
            for step in others[:2]:
                await _measured(meters, step, neo4j=neo4j)
        return figures + [figure for step in others for figure in await _measured(meters, step, neo4j=neo4j)]
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
        (topics.FOLLOW_CREATED, town.to_other("followUser")),
        (topics.FOLLOW_DELETED, town.to_other("unfollowUser")),
        # From here on who is followed is asked first.
        (topics.PROFILE_UPDATED, town.hide),
        (topics.REQUEST_CREATED, town.to_other("followUser")),
        (topics.REQUEST_DELETED, town.to_other("unfollowUser")),
        (topics.POST_CREATED, town.post),
        (topics.POST_UPDATED, town.edit_post),
        (topics.LIKE_CREATED, town.to_post("likePost")),
        (topics.LIKE_DELETED, town.to_post("unlikePost")),
        (topics.SHARE_CREATED, town.to_post("sharePost")),
        (topics.SHARE_DELETED, town.to_post("unsharePost")),
        (topics.COMMENT_CREATED, town.comment),
        (topics.COMMENT_DELETED, town.delete_comment),
        (topics.POST_DELETED, town.delete_post),
        (topics.MUTE_CREATED, town.to_other("muteUser")),
        (topics.MUTE_DELETED, town.to_other("unmuteUser")),
        (topics.BLOCK_CREATED, town.to_other("blockUser")),
        (topics.BLOCK_DELETED, town.to_other("unblockUser")),
    )
    return [
        Step(topics.USER_CREATED.name, town.sign_up, NEWCOMERS, NEWCOMERS_A_S),
        *(Step(topic.name, deed, EVENTS, EVENTS_A_S) for topic, deed in deeds),
    ]


async def _measured(meters: Meters, step: Step, *, neo4j: bool) -> list[Figure]:
    before = await meters.read()
    load = await at_rate(step.deed, rate=step.rate, calls=step.calls)
    load.require_all(step.topic)
    awaited = {Effect(step.topic, hearer) for hearer in hearers_of(step.topic, neo4j=neo4j)}
    found = await _settled(meters, step, awaited, before)
    return [figure for effect, histogram in found.items() for figure in told(effect, histogram, step.calls)]


async def _settled(
    meters: Meters, step: Step, awaited: set[Effect], before: Mapping[Effect, Histogram]
) -> dict[Effect, Histogram]:
    """Return what each hearer heard of a step, those who were not awaited too, once all heard all; or after a time."""
    until = time.monotonic() + HEARD_S
    while True:
        now = await meters.read()
        listening = awaited | {effect for effect in now if effect.topic == step.topic}
        found = {
            effect: now.get(effect, Histogram()).since(before.get(effect, Histogram()))
            for effect in sorted(listening)
        }
        if time.monotonic() > until or all(one.count >= step.calls for one in found.values()):
            return found
        await asyncio.sleep(_LOOK_EVERY_S)


def told(effect: Effect, histogram: Histogram, emitted: int) -> list[Figure]:
    """Return what is told of an effect: no times where there was none."""
    case = f"{effect.topic} → {effect.hearer}"
    heard = Figure(name=f"{case}, events", value=histogram.count, unit="", least=emitted)
    if not histogram.count:
        return [heard]
    p50_ms, p95_ms = (histogram.quantile_at_most_s(share) * 1000 for share in (0.5, 0.95))
    return [
        Figure(name=f"{case}, p50 ≤", value=p50_ms, unit="ms"),
        Figure(name=f"{case}, p95 ≤", value=p95_ms, unit="ms", goal=GOALS_MS[effect.topic]),
        Figure(name=f"{case}, mean", value=histogram.mean_s * 1000, unit="ms"),
        heard,
    ]
