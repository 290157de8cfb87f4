"""Events are timed: a few of each kind, whose figures nobody judges here; and histograms are read."""

import math

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from nova.app.bench import effects, events
from nova.app.bench.catalog import BENCHMARKS
from nova.app.bench.effects import Effect
from nova.platform.config import Config, Server, World
from nova.platform.errors import InvalidArgument
from nova.policy import topics

LIKED = topics.LIKE_CREATED.name


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_every_topic_is_emitted_and_every_hearer_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, small in {"NEWCOMERS": 5, "NEWCOMERS_A_S": 5.0, "EVENTS": 4, "EVENTS_A_S": 40.0}.items():
        monkeypatch.setattr(events, name, small)
    result = await BENCHMARKS["events"].measure(Config())
    found = {figure.name: figure for figure in result.figures}
    heard = {
        name.removesuffix(", events"): figure.value for name, figure in found.items() if "events" in name
    }
    assert {f"{topics.USER_CREATED.name} → {room}" for room in ("user", "graph")} <= heard.keys()
    assert {
        f"{topics.FOLLOW_CREATED.name} → {part}" for part in ("feed-postings", "graph-adjacency")
    } <= heard.keys()
    assert {f"{topics.POST_DELETED.name} → {part}" for part in ("feed", "social", "features")} <= heard.keys()
    assert set(heard.values()) == {5, 4}
    assert found[f"{LIKED} → features, p95 ≤"].goal == 100
    assert {name.partition(" → ")[0] for name in heard} == set(events._GOALS_MS)
    assert result.machine["world"] == "small"


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
