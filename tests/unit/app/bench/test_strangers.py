"""Strangers at the port of every room, and what they show."""

import pytest

from nova.app.bench.catalog import BENCHMARKS
from nova.app.bench.strangers import methods_of, strangers
from nova.app.rooms import ROOMS
from nova.platform.config import Config, Server, World
from nova.platform.errors import InvalidArgument


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_no_stranger_is_let_in_anywhere() -> None:
    result = await BENCHMARKS["strangers"].measure(Config())
    found = {figure.name: figure for figure in result.figures}
    assert result.met, result.table()
    assert {name.partition(",")[0] for name in found} == set(ROOMS)
    assert len(found) == 9 * len(ROOMS)
    for room in ROOMS:
        assert found[f"{room}, altered"].value == len(methods_of(room))
        assert 0 < found[f"{room}, no token"].value <= len(methods_of(room))


async def test_a_token_is_somebodys() -> None:
    with pytest.raises(InvalidArgument, match="NOVA_WORLD"):
        await strangers(Config(server=Server(world=World.NONE)))
