"""The tour runs: a short one, whose figures nobody judges here."""

import pytest

from nova.app.bench import machine, tour
from nova.app.bench.catalog import BENCHMARKS
from nova.platform.config import Config, Server, World
from nova.platform.errors import InvalidArgument


@pytest.mark.long
@pytest.mark.timeout(180)
async def test_every_figure_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, short in {"POSTS": 3, "READERS": 2, "ROUNDS": 1, "IDLE_S": 0.1}.items():
        monkeypatch.setattr(tour, name, short)
    result = await BENCHMARKS["tour"].measure(Config())
    found = {figure.name: figure for figure in result.figures}
    assert found["post to the top of a follower's feed, p95"].goal == 200
    assert found["start, warm"].goal == 15
    assert result.machine["world"] == "small"
    watched = {"memory of all processes (RSS)", "idle, of one core", "home, warm, CPU of all processes"}
    assert watched <= found.keys() or not machine.can_be_watched()
    assert all(figure.value >= 0 for figure in result.figures)


async def test_it_needs_people() -> None:
    with pytest.raises(InvalidArgument, match="NOVA_WORLD"):
        await tour.tour(Config(server=Server(world=World.NONE)))
