"""Figures: quantiles, goals, the table, and two results side by side."""

import json
from pathlib import Path

import pytest

from nova.app.bench.compare import compare
from nova.app.bench.figures import Figure, Result, quantile, spread
from nova.platform.errors import InvalidArgument


def test_quantiles_are_values_that_were_seen() -> None:
    values = [float(number) for number in range(200, 0, -1)]
    assert (quantile(values, 0.5), quantile(values, 0.95), quantile(values, 1.0)) == (100.0, 190.0, 200.0)
    assert quantile([7.0], 0.95) == 7.0
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)


def test_a_goal_is_that_of_p95() -> None:
    p50, p95, most = spread("post", [0.1] * 90 + [0.3] * 10, goal_ms=200, with_max=True)
    assert [round(figure.value) for figure in (p50, p95, most)] == [100, 300, 300]
    assert (p50.met, p95.met, most.met) == (True, False, True)
    assert p95.line().endswith("300.0 ms   goal ≤ 200: MISSED")


def result(value: float) -> Result:
    figures = [
        Figure(name="post", value=value, unit="ms", goal=200),
        Figure(name="idle", value=0.0, unit="%"),
    ]
    return Result(benchmark="tour", machine={"commit": "abc"}, figures=figures)


def test_a_result_is_met_when_every_goal_is() -> None:
    assert result(200.0).met
    assert not result(200.1).met
    assert result(1.0).document()["figures"] == [
        {"name": "post", "value": 1.0, "unit": "ms", "goal": 200, "least": None, "met": True},
        {"name": "idle", "value": 0.0, "unit": "%", "goal": None, "least": None, "met": True},
    ]


def test_many_cases_stand_in_a_grid() -> None:
    figures = [
        Figure(name="a → b, p50", value=3.0, unit="ms"),
        Figure(name="a → b, p95", value=30.0, unit="ms", goal=20),
        Figure(name="a, long one → b, p95", value=5.0, unit="ms", goal=20),
    ]
    shown = Result(
        benchmark="events", machine={}, figures=figures, notes=["Read it with care."], by_case=True
    )
    _, _, head, first, second, _, note = shown.table().splitlines()
    assert head.split() == ["p50", "ms", "p95", "ms"]
    assert first.split() == ["a", "→", "b", "3.0", "30.0", "goal", "≤", "20:", "MISSED"]
    assert second.index("5.0") == first.index("30.0") + 1, "a case without a column leaves its place empty"
    assert (note.strip(), shown.document()["notes"]) == ("Read it with care.", ["Read it with care."])


def test_a_share_has_a_least_value() -> None:
    reads = Figure(name="reads", value=98.9, unit="%", least=99)
    assert not reads.met
    assert reads.verdict == "  goal ≥ 99: MISSED"


def test_a_case_of_many_objectives_names_those_that_are_missed() -> None:
    def case(name: str, *, lost: int) -> list[Figure]:
        return [
            Figure(name=f"{name}, reads", value=100.0, unit="%", least=99),
            Figure(name=f"{name}, lost", value=lost, unit="", goal=0),
            Figure(name=f"{name}, back", value=16.0 * lost, unit="s", goal=15),
        ]

    shown = Result(
        benchmark="chaos",
        machine={},
        figures=[*case("a", lost=0), *case("b", lost=1)],
        by_case=True,
        remarks={"b": "named: b", "c": "not done here"},
    )
    _, _, _, first, second, third = shown.table().splitlines()
    assert first.split() == ["a", "100.0", "0", "0.000", "met"]
    assert second.split() == ["b", "100.0", "1", "16.0", "MISSED:", "lost,", "back", "named:", "b"]
    assert third.split() == ["c", "not", "done", "here"]
    assert shown.document()["remarks"] == {"b": "named: b", "c": "not done here"}


def test_results_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in (("before", 10.0), ("after", 5.0)):
        (tmp_path / name).write_text(json.dumps(result(value).document()))
    compare(tmp_path / "before", tmp_path / "after")
    line = next(line for line in capsys.readouterr().out.splitlines() if "post" in line)
    assert line.split() == ["post", "10.0", "5.0", "0.50", "ms"]


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"machine": {}}'])
def test_what_is_no_result(tmp_path: Path, content: str) -> None:
    (tmp_path / "result").write_text(content)
    with pytest.raises(InvalidArgument, match="holds no result"):
        compare(tmp_path / "result", tmp_path / "result")
