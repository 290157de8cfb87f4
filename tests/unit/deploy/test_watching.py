"""Alerts and dashboards speak of metrics that exist, and each alert has a page that says what to do."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from nova.app import rooms
from nova.app.callers import GATEWAY
from nova.app.processes import metrics_ports
from nova.gateway.app import NO_ROUTE
from nova.platform.telemetry.metrics import FAILURES, LATENCY_BUCKETS_S
from tests.unit.deploy.chart import CHART, ROOT
from tests.unit.deploy.expressions import (
    PROMETHEUS,
    RULES,
    alerts,
    declared,
    labels,
    labels_of,
    mislabelled,
    rules,
    unknown,
)
from tests.unit.deploy.promtool import differs, needs_promtool, told_by_promtool, unreadable

RUNBOOKS = ROOT / "docs" / "runbooks"
DASHBOARDS = sorted((ROOT / "deploy" / "grafana").glob("*.json"))


# Of Python itself, and of its process.
EVERYBODYS = ("python_", "process_")


def panels(dashboard: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(dashboard.read_text())["panels"]
    return found


def expressions(dashboard: Path) -> Iterator[str]:
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            yield target["expr"]


def test_the_reading_of_expressions_finds_a_name_that_does_not_exist() -> None:
    assert unknown("sum by (room) (rate(grpc_requests_total{code='OK'}[5m])) / nothing_total > 1") == {
        "nothing_total"
    }


@pytest.mark.parametrize(
    ("expression", "wrong"),
    [
        ('rate(grpc_requests_total{room="feed",status="OK",pod="a"}[5m])', {"grpc_requests_total{status}"}),
        ('up{component=""} == 1 and on () up{room="feed"}', {"up{room}"}),
        ("sum by (room, code, route) (rate(grpc_requests_total[5m]))", {"by (route)"}),
        (
            "max by (le) (http_requests_total) + sum by (le) (http_request_duration_seconds_bucket)",
            {"by (le)"},
        ),
        (
            'sum by (room) (label_replace(rate(http_requests_total[5m]), "room", "$1", "route", "(.+)"))',
            set(),
        ),
    ],
)
def test_the_reading_of_expressions_finds_a_label_that_does_not_exist(
    expression: str, wrong: set[str]
) -> None:
    assert mislabelled(expression) == wrong


@pytest.mark.parametrize("file", RULES)
def test_rules_speak_of_metrics_that_exist_and_of_their_labels(file: str) -> None:
    assert {name for rule in rules(file) for name in unknown(rule["expr"])} == set()
    assert {wrong for rule in rules(file) for wrong in mislabelled(rule["expr"])} == set()


def test_rules_count_the_failures_that_the_code_does() -> None:
    text = "".join(rule["expr"] for rule in rules("objectives.yml"))
    assert set(re.findall(r'code=~"([^"]+)"', text)) == {"|".join(FAILURES)}


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboards_speak_of_metrics_that_exist_and_of_their_labels(dashboard: Path) -> None:
    found = list(expressions(dashboard))
    assert found
    assert {name for expression in found for name in unknown(expression)} == set()
    assert {wrong for expression in found for wrong in mislabelled(expression)} == set()


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_lines_are_named_by_labels_that_exist(dashboard: Path) -> None:
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            named = set(re.findall(r"{{(\w+)}}", target.get("legendFormat", "")))
            assert named <= labels_of(target["expr"])


def test_variables_are_values_of_labels_that_exist() -> None:
    asked = [
        re.findall(r"label_values\((\S+), (\w+)\)", variable["query"])
        for dashboard in DASHBOARDS
        for variable in json.loads(dashboard.read_text())["templating"]["list"]
        if variable["type"] == "query"
    ]
    assert asked
    assert [name for ((name, label),) in asked if label not in labels().get(name, ())] == []


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


@needs_promtool
@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_prometheus_can_read_what_dashboards_ask(dashboard: Path, tmp_path: Path) -> None:
    queries = (query.replace("$__rate_interval", "5m") for query in expressions(dashboard))
    assert unreadable(queries, tmp_path) == ""


@needs_promtool
@pytest.mark.parametrize(
    ("dashboard", "title", "series", "value"),
    [
        pytest.param(
            "nova-database",
            "In use",
            {
                'db_connections_active{room="social",pool="primary",pod="social-a"}': "8x20",
                'db_connections_max{room="social",pool="primary",pod="social-a"}': "8x20",
                'db_connections_active{room="social",pool="primary",pod="relay-a"}': "0x20",
                'db_connections_max{room="social",pool="primary",pod="relay-a"}': "8x20",
            },
            1.0,
            id="a full pool beside the relay's empty one",
        ),
        pytest.param(
            "nova-service-health",
            "Requests within the room's objective",
            {
                'room:quick:rate5m{room="gateway"}': "9x20",
                'room:timed:rate5m{room="gateway"}': "10x20",
                'room:requests:rate5m{room="gateway"}': "100x20",
            },
            0.9,
            id="more operations come by sockets, where nothing is timed",
        ),
    ],
)
def test_a_panel_shows_what_it_says(
    dashboard: str, title: str, series: dict[str, str], value: float, tmp_path: Path
) -> None:
    (file,) = (path for path in DASHBOARDS if path.stem == dashboard)
    (panel,) = (panel for panel in panels(file) if panel["title"] == title)
    (query,) = (target["expr"].replace("$room", ".+") for target in panel["targets"])
    assert differs(f"max({query})", series, value, tmp_path) == ""


def test_every_dashboard_of_the_brief_is_there() -> None:
    assert {path.stem for path in DASHBOARDS} == {
        "nova-service-health", "nova-database", "nova-kafka", "nova-cache",
    }  # fmt: skip


def test_every_room_has_an_objective_whose_bound_is_a_bucket() -> None:
    quick = "".join(rule["expr"] for rule in rules("objectives.yml") if rule["record"] == "room:quick:rate5m")
    bounds = dict(re.findall(r'room="(\w+)",le="([\d.]+)"', quick))
    assert set(bounds) == set(rooms.ROOMS)
    assert {float(bound) for bound in re.findall(r'le="([\d.]+)"', quick)} <= set(LATENCY_BUCKETS_S)


def test_what_people_ask_of_the_door_is_all_counted() -> None:
    """Apart stand operations, and what only machines ask or nobody is to find."""
    wiring = (ROOT / "nova" / "gateway" / "wiring.py").read_text()
    machines = re.findall(r'Route\("(\w+)",.*unmetered=True\)', wiring)
    apart = "|".join(["graphql", *dict.fromkeys(machines), NO_ROUTE])
    text = "".join(rule["expr"] for rule in rules("objectives.yml"))
    left_out = re.findall(r'route!~"([^"]+)"', text + (CHART / "templates" / "canary.yaml").read_text())
    assert len(left_out) == 4
    assert set(left_out) == {apart}


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    pages = {rule["annotations"]["runbook_url"] for rule in alerts()}
    named_as_alerts = {
        path for path in RUNBOOKS.glob("*.md") if path.stem[0].isupper() and path.stem != "README"
    }
    assert pages == {str(path.relative_to(ROOT)) for path in named_as_alerts}


def test_every_alert_is_seen_to_fire() -> None:
    cases = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
    fired = {one["alertname"] for case in cases for one in case["alert_rule_test"] if one.get("exp_alerts")}
    silent = {
        one["alertname"] for case in cases for one in case["alert_rule_test"] if not one.get("exp_alerts")
    }
    assert fired == silent == {rule["alert"] for rule in alerts()}


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
