"""What is told of an overload. The overload itself is a benchmark's: a short one runs here, and nobody judges it."""

import pytest

from nova.app.bench import overload
from nova.app.bench.catalog import BENCHMARKS
from nova.app.bench.overload import Outcome, Visit, Wave, figures_of
from nova.platform.config import Config, Server, World
from nova.platform.errors import Internal, InvalidArgument


def wave(seconds: float, outcomes: dict[float, Outcome], took_s: float = 0.1) -> Wave:
    visits = [Visit(due_s=due_s, took_s=took_s, outcome=outcome) for due_s, outcome in outcomes.items()]
    return Wave(seconds=seconds, visits=visits)


def test_the_onset_is_told_apart() -> None:
    over = wave(12.0, {second / 10: Outcome.ANSWERED for second in range(120)})
    assert over.goodput() == pytest.approx(10.0)
    assert len(over.times(Outcome.ANSWERED)) == 100


def test_trouble_lasts_until_the_last_that_was_not_answered() -> None:
    assert wave(5.0, {1.0: Outcome.ANSWERED, 3.0: Outcome.ANSWERED}).last_trouble_s() == 0
    assert wave(5.0, {1.0: Outcome.REFUSED, 2.0: Outcome.FAILED, 3.0: Outcome.ANSWERED}).last_trouble_s() == 2


def test_what_is_told() -> None:
    outcomes = [Outcome.ANSWERED, Outcome.REFUSED, Outcome.REFUSED, Outcome.REFUSED, Outcome.FAILED]
    over = wave(12.0, {number / 50: outcomes[number % 5] for number in range(600)}, took_s=0.3)
    after = wave(10.0, {1.0: Outcome.REFUSED, 9.0: Outcome.ANSWERED})
    found = {figure.name: figure for figure in figures_of(20.0, over, after)}
    assert found["goodput, of the peak"].value == pytest.approx(50)
    assert found["answered, p99"].value == pytest.approx(300)
    assert found["failed"].value == 120
    assert found["back to normal after"].value == 1.0
    missed = {name for name, figure in found.items() if not figure.met}
    assert missed == {"goodput, of the peak", "answered, p99", "failed"}


def test_an_overload_under_which_nothing_is_answered_has_no_figures() -> None:
    refused = wave(10.0, {5.0: Outcome.REFUSED})
    with pytest.raises(Internal, match="not one page"):
        figures_of(20.0, refused, refused)


async def test_it_needs_people() -> None:
    with pytest.raises(InvalidArgument, match="NOVA_WORLD"):
        await overload.overload(Config(server=Server(world=World.NONE)))


@pytest.mark.long
@pytest.mark.timeout(180)
async def test_every_figure_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    short = {"STEP": 4.0, "STEP_S": 2.5, "OVERLOAD_S": 4.0, "AFTERWARDS_S": 3.0}
    for name, value in short.items():
        monkeypatch.setattr(overload, name, value)
    result = await BENCHMARKS["overload"].measure(Config())
    found = {figure.name: figure.value for figure in result.figures}
    assert found["offered"] == pytest.approx(found["peak"] * overload.TIMES, rel=0.05)
    assert found["goodput"] > 0
    assert found["refused, p50"] > 0
    assert result.machine["shape"] == "one process"
