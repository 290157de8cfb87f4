"""What figures are to be read with: each result has it, in JSON too."""

import json

import pytest

from nova.app.bench.figures import Result
from nova.app.bench.own_nova import described
from nova.app.bench.real_engines import RealEngines
from nova.platform.config import World


@pytest.mark.parametrize(
    ("engines", "told"),
    [(None, "embedded"), (RealEngines({}, {}, "postgres 18, kafka 4.2.2"), "postgres 18, kafka 4.2.2")],
)
def test_a_result_says_on_what_it_was_found(engines: RealEngines | None, told: str) -> None:
    where = described(World.SMALL, processes=True, engines=engines)
    found = json.loads(json.dumps(Result(benchmark="rooms", machine=where, figures=[]).document()))["machine"]
    assert {"commit", "cpu", "load", "python"} < found.keys()
    assert (found["world"], found["engines"]) == ("small", told)
    assert found["shape"] == "a process a room, mutual TLS"
