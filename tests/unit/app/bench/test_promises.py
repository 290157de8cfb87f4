"""Promises are timed in both shapes: a little, and nobody judges the times here; what must be nothing is nothing."""

import pytest

from nova.app.bench import machine, promises
from nova.app.bench.catalog import BENCHMARKS
from nova.platform.config import Config, Server, World
from nova.platform.errors import InvalidArgument


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("shape", ["one process", "a process a room"])
async def test_every_promise_is_timed(monkeypatch: pytest.MonkeyPatch, shape: str) -> None:
    for name, few in {"PEOPLE": 3, "FORGERIES": 5}.items():
        monkeypatch.setattr(promises, name, few)
    result = await BENCHMARKS["promises"].measure(Config(), processes=shape != "one process")
    assert result.machine["shape"].startswith(shape)
    found = {figure.name: figure for figure in result.figures}
    doors = {
        f"{end}, refused by {door}, max" for end in promises.ENDS for door in ("HTTP", "gRPC", "WebSocket")
    }
    assert doors < found.keys()
    assert {found[name].goal for name in doors} == {1000}
    assert found["own write, not read at once"].value == 0
    assert found["wrong password, known and unknown apart"].goal == 5
    assert found["block, blocker not found, max"].goal == 1000
    assert found["caller left, SQL ended, max"].goal == 100
    if machine.can_be_watched():
        assert found["forged token, taken"].value == 0


async def test_they_are_made_to_people() -> None:
    with pytest.raises(InvalidArgument, match="NOVA_WORLD"):
        await promises.promises(Config(server=Server(world=World.NONE)))
