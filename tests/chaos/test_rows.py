"""Rows of the chaos table, one of each place that a platform is broken in: every objective of the row is met.

`nova bench chaos` plays all of them.
"""

import pytest

from nova.app.bench.chaos import chaos
from nova.platform.config import Config
from nova.platform.errors import Unavailable
from tests.real import on_real_engines

ROWS = ("feed hangs", "PostgreSQL, link reset", "disk full", "identity, clock -5 min", "social partitioned")
ON_REAL_ENGINES = ("real Kafka killed", "real Neo4j hangs")


@pytest.fixture(autouse=True)
def without_test_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform of a row is told what this process is told, and knows no such variable."""
    monkeypatch.delenv("NOVA_TEST_ENGINES", raising=False)


async def played(name: str) -> None:
    """Play a row. Skips one that this machine does not allow."""
    try:
        result = await chaos(Config(), only=name)
    except Unavailable as error:
        pytest.skip(error.message)
    assert {figure.name.rpartition(", ")[0] for figure in result.figures} == {name}
    found = {figure.name.rpartition(", ")[2]: figure for figure in result.figures}
    assert found["acked"].value >= found["in fault"].value > 0
    assert result.met, result.table()


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ROWS)
async def test_fault_a_row_is_met(name: str) -> None:
    await played(name)


@on_real_engines
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ON_REAL_ENGINES)
async def test_fault_a_row_on_real_engines_is_met(name: str) -> None:
    await played(name)
