"""Alerts and dashboards speak of metrics that exist, and each alert has a page that says what to do."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from nova.app import rooms
from nova.app.callers import GATEWAY
from nova.platform.telemetry.metrics import LATENCY_BUCKETS_S

ROOT = Path(__file__).parents[3]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RUNBOOKS = ROOT / "docs" / "runbooks"
DASHBOARDS = sorted((ROOT / "deploy" / "grafana").glob("*.json"))
# Of Prometheus itself, and words of its language that stand where a metric's name could.
NOT_OURS = {"ALERTS", "up", "and", "by", "or", "sum", "max", "le", "label_values"}
RULES = ["objectives.yml", "alerts.yml", "parts.yml"]
SUFFIXES = ("_bucket", "_count", "_sum", "_total")


def rules(file: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load((PROMETHEUS / file).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for file in RULES for rule in rules(file) if "alert" in rule]


def recorded() -> set[str]:
    return {rule["record"] for file in RULES for rule in rules(file) if "record" in rule}


def declared() -> set[str]:
    """The names of all metrics that a process of Nova can show."""
    for module in ("nova.app.house", "nova.gateway.wiring"):
        import_module(module)
    for room in rooms.ROOMS:
        import_module(f"nova.services.{room}.wiring")
    return {metric.name for metric in REGISTRY.collect()}


def metrics_in(expression: str) -> set[str]:
    """The names of metrics in an expression: what is left without strings, label lists and functions."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    bare = re.sub(r"\b(by|on|without|ignoring) *\([^)]*\)", " ", bare)
    bare = re.sub(r"\{[^}]*\}", " ", bare)
    bare = re.sub(r"\[[^]]*\]", " ", bare)
    words = re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?!\w* *\()", bare)
    return {word for word in words if word not in NOT_OURS and not re.search(rf"\b{word} *\(", bare)}


def unknown(expression: str) -> set[str]:
    families = declared() | recorded()
    return {
        name
        for name in metrics_in(expression)
        if name not in families and not any(name.removesuffix(suffix) in families for suffix in SUFFIXES)
    }


def expressions(dashboard: Path) -> Iterator[str]:
    for panel in json.loads(dashboard.read_text())["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]


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


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Prometheus) is not installed")
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
    told = subprocess.run(["promtool", *command], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
