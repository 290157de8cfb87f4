"""The benchmarks of the repository, as `nova bench` lists and runs them."""

import json
from pathlib import Path

import pytest

from nova.app.bench import beside
from nova.app.bench.catalog import BENCHMARKS
from nova.platform.errors import Internal

LINE = {"case": "merge", "contender": "nova", "min_us": 5.0, "ratio": None, "cpu_ratio": None} | {
    "goal": None, "cpu_goal": None, "goal_us": 10.0, "cpu_us": 4.0, "by_cpu": False,
}  # fmt: skip
PEER = LINE | {
    "contender": "heapq",
    "ratio": 0.07,
    "cpu_ratio": 0.2,
    "goal": 0.05,
    "cpu_goal": 0.3,
    "goal_us": None,
}
SAID = {
    "machine": {"commit": "abc"},
    "lines": [LINE, PEER],
    "figures": [{"name": "p99", "value": 0.5, "unit": "", "goal": 0.6}],
    "missing": {"merge": ["faiss"], "other": []},
}


def test_each_is_listed_with_what_it_measures() -> None:
    listed = beside.sentences()
    assert {"rank", "features", "fanout", "graph", "jwt"} <= listed.keys() <= BENCHMARKS.keys()
    assert all(sentence.endswith(".") for sentence in listed.values())
    assert "refusals" not in listed, "it has a bound of its own, and no cases"
    assert BENCHMARKS["jwt"].sentence == listed["jwt"]


async def test_ratios_goals_and_missing_peers_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(beside, "_ROOT", house(tmp_path, f"print('a log line')\nprint({json.dumps(SAID)!r})"))
    result = await beside.measure("made")
    assert result.machine == {"commit": "abc", "missing": "faiss"}
    assert [(figure.value, figure.unit, figure.met) for figure in result.figures] == [
        (5.0, "µs", True), (0.07, "×", False), (0.2, "×", True), (0.5, "", True),
    ]  # fmt: skip
    assert not result.met
    assert "0.070 ×    goal ≤ 0.05: MISSED" in result.table()


async def test_a_busy_machine_is_judged_by_cpu_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    busy = SAID | {
        "lines": [LINE | {"by_cpu": True}, PEER | {"by_cpu": True, "cpu_goal": None}],
        "figures": [],
    }
    monkeypatch.setattr(beside, "_ROOT", house(tmp_path, f"print({json.dumps(busy)!r})"))
    result = await beside.measure("made")
    assert [(figure.value, figure.met) for figure in result.figures] == [(4.0, True), (0.2, False)]


async def test_one_that_breaks_off_says_where_to_look(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(beside, "_ROOT", house(tmp_path, "raise SystemExit(1)"))
    with pytest.raises(Internal, match=r"python -m bench\.micro\.bench_made"):
        await beside.measure("made")


def house(root: Path, program: str) -> Path:
    """Return a repository with one benchmark, which runs `program`."""
    folder = root / "bench" / "micro"
    folder.mkdir(parents=True)
    for package in (folder.parent, folder):
        (package / "__init__.py").touch()
    (folder / "bench_made.py").write_text(program)
    return root
