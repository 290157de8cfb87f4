"""A release meets people through a canary: by what it is judged, and what these judges say of faults."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.unit.deploy.chart import VALUES, needs_helm, of_kind
from tests.unit.deploy.expressions import alerts, mislabelled, rules, unknown
from tests.unit.deploy.promtool import differs, needs_promtool, unreadable

pytestmark = needs_helm

POD = 'pod="nova-gateway-5f4d8-x2x9k"'
OTHER_POD = 'pod="nova-gateway-77c6b-7h2mm"'


def canary() -> dict[str, dict[str, Any]]:
    """What a canary is judged by, and the query of each."""
    (analysis,) = of_kind("AnalysisTemplate").values()
    return {metric["name"]: metric for metric in analysis["spec"]["metrics"]}


def query_of(metric: dict[str, Any]) -> str:
    query: str = metric["provider"]["prometheus"]["query"]
    return query.replace("{{args.canary}}", "5f4d8")


def steps() -> list[dict[str, Any]]:
    (rollout,) = of_kind("Rollout").values()
    found: list[dict[str, Any]] = rollout["spec"]["strategy"]["canary"]["steps"]
    return found


def asked(route: str, status: int, values: str, pod: str = POD) -> dict[str, str]:
    """Requests that HTTP answered."""
    return {f'http_requests_total{{method="POST",route="{route}",status="{status}",{pod}}}': values}


def ended(outcome: str, values: str) -> dict[str, str]:
    """Operations of the canary."""
    return {f'graphql_operations_total{{outcome="{outcome}",{POD}}}': values}


def test_a_canary_is_judged_by_what_exists() -> None:
    queries = [*map(query_of, canary().values())]
    assert {name for query in queries for name in unknown(query)} == set()
    assert {wrong for query in queries for wrong in mislabelled(query)} == set()


def test_a_canary_goes_back_at_the_first_fault_and_when_nobody_sees_it() -> None:
    metrics = canary()
    assert {name for name, metric in metrics.items() if metric["failureLimit"] != 0} == set()
    unseen = {name for name, metric in metrics.items() if "len(result) > 0" in metric["successCondition"]}
    assert unseen == {"seen", "asked"}


def test_each_share_of_requests_is_watched_for_a_while_and_all_of_them_too() -> None:
    """After its last step a rollout is over, and nothing takes it back."""
    weights, pauses = steps()[::2], steps()[1::2]
    assert [step["setWeight"] for step in weights] == [1, 10, 50, 100]
    assert pauses == [{"pause": {"duration": VALUES["canary"]["pause"]}}] * len(weights)


@needs_promtool
def test_prometheus_can_read_what_the_canary_asks(tmp_path: Path) -> None:
    assert unreadable(map(query_of, canary().values()), tmp_path) == ""


@needs_promtool
@pytest.mark.parametrize(
    ("series", "share"),
    [
        pytest.param(
            {
                **asked("graphql", 200, "0+30x20"),
                **asked("graphql", 500, "0+30x20"),
                **ended("ok", "0+30x20"),
                **ended("failed", "0x20"),
            },
            0.5,
            id="every second request breaks at the door",
        ),
        pytest.param(
            {**asked("graphql", 503, "0+60x20"), **ended("ok", "0x20"), **ended("failed", "0x20")},
            1.0,
            id="no request gets past the door",
        ),
        pytest.param(
            {
                **asked("graphql", 200, "0+60x20"),
                **ended("ok", "0+45x20"),
                **ended("failed", "0+15x20"),
            },
            0.25,
            id="fields fail, and each answer is 200",
        ),
        pytest.param(
            {**ended("ok", "0+45x20"), **ended("failed", "0+15x20")}, 0.25, id="operations fail on sockets"
        ),
        pytest.param(
            {
                **asked("graphql", 200, "0+60x20"),
                **asked("graphql", 500, "0+60x20", OTHER_POD),
                **asked("health", 503, "0+60x20"),
                **ended("ok", "0+60x20"),
                **ended("failed", "0x20"),
            },
            0.0,
            id="others fail, and it was not ready",
        ),
    ],
)
def test_what_a_canary_fails_is_seen(series: dict[str, str], share: float, tmp_path: Path) -> None:
    assert differs(query_of(canary()["failures"]), series, share, tmp_path) == ""


@needs_promtool
@pytest.mark.parametrize(
    ("series", "share"),
    [
        pytest.param(
            {
                **asked("graphql", 200, "0+6000x20"),
                **asked("auth", 200, "0+3x20"),
                **asked("auth", 500, "0+3x20"),
                **asked("keys", 200, "0+60x20"),
                **asked("keys", 500, "0x20"),
            },
            0.5,
            id="every second sign-in breaks",
        ),
        pytest.param(
            {
                **asked("auth", 200, "0+6x20"),
                **asked("auth", 500, "0x20"),
                **asked("auth", 500, "0+6x20", OTHER_POD),
                **asked("health", 503, "0+60x20"),
                **asked("graphql", 503, "0+60x20"),
            },
            0.0,
            id="others fail, and it was not ready",
        ),
        pytest.param(
            {**asked("keys", 200, "0x5 1x20"), **asked("keys", 503, "0x9 1x20")},
            None,
            id="of two that asked one was told no",
        ),
    ],
)
def test_what_a_canary_fails_beside_operations_is_seen(
    series: dict[str, str], share: float | None, tmp_path: Path
) -> None:
    assert differs(query_of(canary()["doors"]), series, share, tmp_path) == ""


def test_a_canary_may_be_late_for_as_many_as_would_page_nobody() -> None:
    allowed = [rule["expr"] for rule in rules("objectives.yml") if rule["record"] == "room:late:allowed"]
    (page,) = (rule["expr"] for rule in alerts() if rule["alert"] == "LatencyBurnsFast")
    share = float(allowed[-1].rpartition("+")[2]) * float(re.findall(r"> ([\d.]+) \* room:late", page)[0])
    assert f"result[0] < {share:g}" in canary()["late"]["successCondition"]
