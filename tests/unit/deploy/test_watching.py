"""Alerts and dashboards speak of metrics that exist, and each alert has a page that says what to do."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from nova.app import rooms
from nova.app.callers import GATEWAY
from nova.app.processes import metrics_ports
from nova.platform.telemetry.metrics import LATENCY_BUCKETS_S
from tests.unit.deploy.chart import ROOT, needs_helm, of_kind
from tests.unit.deploy.expressions import PROMETHEUS, RULES, alerts, declared, rules, unknown

RUNBOOKS = ROOT / "docs" / "runbooks"
DASHBOARDS = sorted((ROOT / "deploy" / "grafana").glob("*.json"))


# Of Python itself, and of its process.
EVERYBODYS = ("python_", "process_")

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool (Prometheus) is not installed"
)


def panels(dashboard: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(dashboard.read_text())["panels"]
    return found


def expressions(dashboard: Path) -> Iterator[str]:
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            yield target["expr"]


def canary() -> dict[str, dict[str, Any]]:
    """What a canary is judged by, and the query of each."""
    (analysis,) = of_kind("AnalysisTemplate").values()
    return {metric["name"]: metric for metric in analysis["spec"]["metrics"]}


def query_of(metric: dict[str, Any]) -> str:
    query: str = metric["provider"]["prometheus"]["query"]
    return query.replace("{{args.canary}}", "5f4d8")


def told_by_promtool(*command: str) -> str:
    """Return what promtool complains of, or nothing."""
    told = subprocess.run(["promtool", *command], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    return "" if told.returncode == 0 else told.stdout + told.stderr


def unreadable(queries: Iterable[str], folder: Path) -> str:
    """Return what promtool says of queries that it cannot read, or nothing."""
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    file = folder / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    return told_by_promtool("check", "rules", str(file))


def test_the_reading_of_expressions_finds_a_name_that_does_not_exist() -> None:
    assert unknown("sum by (room) (rate(grpc_requests_total{code='OK'}[5m])) / nothing_total > 1") == {
        "nothing_total"
    }


@pytest.mark.parametrize("file", RULES)
def test_rules_speak_of_metrics_that_exist(file: str) -> None:
    assert {name for rule in rules(file) for name in unknown(rule["expr"])} == set()


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboards_speak_of_metrics_that_exist(dashboard: Path) -> None:
    found = list(expressions(dashboard))
    assert found
    assert {name for expression in found for name in unknown(expression)} == set()


def test_whatever_is_measured_is_shown() -> None:
    shown = "\n".join(expression for dashboard in DASHBOARDS for expression in expressions(dashboard))
    rest = {name for name in declared() if name not in shown and not name.startswith(EVERYBODYS)}
    # A process has it for its certificate, and the alert is enough.
    assert rest == {"tls_certificate_expiry_timestamp_seconds"}


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_no_panel_hides_another(dashboard: Path) -> None:
    taken = [
        (x, y)
        for at in (panel["gridPos"] for panel in panels(dashboard))
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24


def test_prometheus_asks_every_part_on_this_host_and_every_replacement() -> None:
    text = (PROMETHEUS / "prometheus.yml").read_text()
    (first,) = re.findall(r"NOVA_METRICS_PORT=(\d+)", text)
    (job,) = yaml.safe_load(text)["scrape_configs"]
    (static,) = job["static_configs"]
    every = range(int(first), int(first) + metrics_ports())
    assert static["targets"] == [f"host.docker.internal:{port}" for port in every]


@needs_helm
def test_a_canary_is_judged_by_what_exists() -> None:
    assert {name for metric in canary().values() for name in unknown(query_of(metric))} == set()


@needs_helm
def test_a_canary_goes_back_at_the_first_fault_and_when_nobody_sees_it() -> None:
    metrics = canary()
    assert {name for name, metric in metrics.items() if metric["failureLimit"] != 0} == set()
    unseen = {name for name, metric in metrics.items() if "len(result) > 0" in metric["successCondition"]}
    assert unseen == {"seen", "asked"}


@needs_promtool
@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_prometheus_can_read_what_dashboards_ask(dashboard: Path, tmp_path: Path) -> None:
    queries = (query.replace("$__rate_interval", "5m") for query in expressions(dashboard))
    assert unreadable(queries, tmp_path) == ""


@needs_helm
@needs_promtool
def test_prometheus_can_read_what_the_canary_asks(tmp_path: Path) -> None:
    assert unreadable(map(query_of, canary().values()), tmp_path) == ""


def test_every_dashboard_of_the_brief_is_there() -> None:
    assert {path.stem for path in DASHBOARDS} == {
        "nova-service-health", "nova-database", "nova-kafka", "nova-cache",
    }  # fmt: skip


def test_every_room_has_an_objective_whose_bound_is_a_bucket() -> None:
    quick = "".join(rule["expr"] for rule in rules("objectives.yml") if rule["record"] == "room:quick:rate5m")
    bounds = dict(re.findall(r'room="(\w+)",le="([\d.]+)"', quick))
    assert set(bounds) == set(rooms.ROOMS)
    assert {float(bound) for bound in re.findall(r'le="([\d.]+)"', quick)} <= set(LATENCY_BUCKETS_S)


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    pages = {rule["annotations"]["runbook_url"] for rule in alerts()}
    named_as_alerts = {
        path for path in RUNBOOKS.glob("*.md") if path.stem[0].isupper() and path.stem != "README"
    }
    assert pages == {str(path.relative_to(ROOT)) for path in named_as_alerts}


def test_no_part_can_be_missing_unseen() -> None:
    (missing,) = (rule["expr"] for rule in alerts() if rule["alert"] == "PartMissing")
    asked = re.findall(r'absent\(part:standing:count{component="(\w+)"}\)', missing)
    assert sorted(asked) == sorted((*rooms.ROOMS, GATEWAY, "relay"))
    assert "absent(outbox_depth)" in missing


def test_every_page_of_the_runbooks_is_in_their_list() -> None:
    listed = set(re.findall(r"\((\w[\w-]*\.md)\)", (RUNBOOKS / "README.md").read_text()))
    assert listed == {path.name for path in RUNBOOKS.glob("*.md")} - {"README.md"}


@needs_promtool
@pytest.mark.parametrize(
    "command",
    [
        ("check", "rules", *RULES),
        ("check", "config", "prometheus.yml"),
        ("test", "rules", "alerts_test.yml"),
    ],
    ids=" ".join,
)
def test_promtool_agrees(command: tuple[str, ...]) -> None:
    assert told_by_promtool(*command) == ""
