"""Events are timed: a few of each kind, whose figures nobody judges here; and histograms are read."""

import math
from types import SimpleNamespace
from typing import cast
from unittest.mock import AsyncMock

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from nova.app.bench import effects, events
from nova.app.bench.catalog import BENCHMARKS
from nova.app.bench.effects import Effect
from nova.app.bench.heard import EVERY_TOPIC, GOALS_MS, hearers_of
from nova.platform.config import Config, Server, World
from nova.platform.errors import InvalidArgument
from nova.policy import topics

LIKED = topics.LIKE_CREATED.name


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_every_topic_is_emitted_and_every_hearer_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a process a room, so that each is asked for its metrics."""
    for name, small in {"NEWCOMERS": 5, "NEWCOMERS_A_S": 5.0, "EVENTS": 6, "EVENTS_A_S": 40.0}.items():
        monkeypatch.setattr(events, name, small)
    result = await BENCHMARKS["events"].measure(Config(), processes=True)
    found = {figure.name: figure for figure in result.figures}
    counted = {name.removesuffix(", events"): figure for name, figure in found.items() if "events" in name}
    assert counted.keys() == {
        f"{topic.name} → {hearer}" for topic in EVERY_TOPIC for hearer in hearers_of(topic.name)
    }, "the rooms as they are built, and what they are held to"
    assert {figure.value for figure in counted.values()} == {5, 6}
    assert all(figure.met for figure in counted.values())
    assert found[f"{LIKED} → features, p95 ≤"].goal == 100
    assert result.notes[-1] == "Nobody hears of: content.story.created, content.story.deleted."
    assert (result.machine["world"], result.machine["engines"]) == ("small", "embedded")
    assert result.machine["shape"] == "a process a room, mutual TLS"


def test_who_was_to_hear_and_did_not_is_missed() -> None:
    heard = {figure.name: figure for figure in events.told(Effect(LIKED, "features"), told(0.005), 2)}
    assert not heard[f"{LIKED} → features, events"].met
    (nothing,) = events.told(Effect(LIKED, "nobody"), effects.Histogram(), 2)
    assert (nothing.value, nothing.met) == (0, False)


async def test_a_hearer_that_nobody_registered_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The metrics name whoever is registered: he who is not must be known by another way."""
    monkeypatch.setattr(events, "HEARD_S", 0.0)
    registered = {Effect(LIKED, "features"): told(0.005)}
    meters = cast("events.Meters", SimpleNamespace(read=AsyncMock(return_value=registered)))
    step = events.Step(LIKED, AsyncMock(), 1, 1.0)
    found = await events._settled(meters, step, {Effect(LIKED, "content")}, {})
    assert {effect.hearer: histogram.count for effect, histogram in found.items()} == {
        "content": 0, "features": 1,
    }  # fmt: skip


def test_only_where_neo4j_is_somebody_there_hears() -> None:
    name = topics.FOLLOW_CREATED.name
    assert hearers_of(name, neo4j=True) - hearers_of(name) == {"graph-neo4j"}
    assert set(GOALS_MS) == {topic.name for topic in EVERY_TOPIC}


async def test_it_needs_people() -> None:
    with pytest.raises(InvalidArgument, match="NOVA_WORLD"):
        await events.events(Config(server=Server(world=World.NONE)))


def told(*seconds: float) -> effects.Histogram:
    """Return what a scrape says of effects that took so long."""
    registry = CollectorRegistry()
    buckets, labels = (0.01, 0.1, 1.0), ("group", "topic")
    known = Histogram("event_effect_seconds", "Effects.", labels, buckets=buckets, registry=registry)
    Histogram("event_other_seconds", "Others.", registry=registry).observe(7)
    for one in seconds:
        known.labels("graph", LIKED).observe(one)
    return effects.effects_of(generate_latest(registry).decode())[Effect(LIKED, "graph")]


def test_a_quantile_is_the_bound_that_holds_it() -> None:
    found = told(*[0.005] * 94, *[0.05] * 5, 0.5)
    assert found.within == {0.01: 94, 0.1: 99, 1.0: 100, math.inf: 100}
    assert (found.quantile_at_most_s(0.94), found.quantile_at_most_s(0.95)) == (0.01, 0.1)
    assert found.quantile_at_most_s(1.0) == 1.0
    assert found.mean_s == pytest.approx((94 * 0.005 + 5 * 0.05 + 0.5) / 100)


def test_only_what_came_since_counts() -> None:
    found = told(0.5, 0.5, 0.005).since(told(0.5, 0.5))
    assert (found.count, found.quantile_at_most_s(0.95)) == (1, 0.01)
    assert found.mean_s == pytest.approx(0.005)
    assert told(0.5).since(effects.Histogram()).count == 1


def test_no_effects_have_no_quantile() -> None:
    with pytest.raises(ValueError, match="no values"):
        told().quantile_at_most_s(0.95)
