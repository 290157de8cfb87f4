"""The expressions of Prometheus: of which metrics and of which labels they speak, and what there is of both."""

import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

import yaml
from prometheus_client import REGISTRY

from nova.app import rooms
from tests.unit.deploy.chart import ROOT

PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = ["objectives.yml", "alerts.yml", "parts.yml"]
# Of Prometheus itself, and words of its language that stand where a metric's name could.
NOT_OURS = {"ALERTS", "up", "and", "by", "or", "sum", "max", "le", "label_values"}
SUFFIXES = ("_bucket", "_count", "_sum", "_total")
# What Prometheus knows of whom it asks, and the chart's PodMonitor adds.
OF_TARGETS = frozenset({"pod", "component"})
# Whatever fires has the labels of its rule.
OF_ALERTS = frozenset({"alertname", "alertstate", "severity"})


def rules(file: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load((PROMETHEUS / file).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for file in RULES for rule in rules(file) if "alert" in rule]


def recorded() -> set[str]:
    return {rule["record"] for file in RULES for rule in rules(file) if "record" in rule}


@cache
def declared() -> frozenset[str]:
    """The names of all metrics that a process of Nova can show."""
    for module in (
        "nova.app.house",
        "nova.gateway.wiring",
        "nova.platform.log.kafka",
        "nova.platform.telemetry.otlp",
    ):
        import_module(module)
    for room in rooms.ROOMS:
        import_module(f"nova.services.{room}.wiring")
    return frozenset(metric.name for metric in REGISTRY.collect())


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


@cache
def labels() -> Mapping[str, frozenset[str]]:
    """The labels of all that an expression may speak of, by its name."""
    declared()
    found: dict[str, frozenset[str]] = {}
    # Nothing public tells of labels. A collector of our own tells of them with what it collects.
    for name, collector in REGISTRY._names_to_collectors.items():
        told = {one.name: one for one in collector.collect()}
        source = told.get(name.removesuffix("_total"), collector)
        found[name] = frozenset(getattr(source, "_labelnames", getattr(collector, "_labelnames", ())))
    own = {
        name: known | OF_TARGETS | ({"le"} if name.endswith("_bucket") else set())
        for name, known in found.items()
    }
    levels = {name: frozenset({"component" if name.startswith("part:") else "room"}) for name in recorded()}
    fired = OF_ALERTS.union(*own.values())
    return {**own, **levels, "up": OF_TARGETS, "ALERTS": fired}


def mislabelled(expression: str) -> set[str]:
    """What is asked of a metric that has no such label, or summed by one that none of the summed has."""
    wrong = set()
    for name, selector in re.findall(r"([a-zA-Z_:][\w:]*)\{([^}]*)\}", expression):
        asked = set(re.findall(r"(\w+) *(?:=~|!~|!=|=)", re.sub(r'"[^"]*"', "", selector)))
        wrong |= {f"{name}{{{label}}}" for label in asked - labels().get(name, frozenset())}
    for match in re.finditer(r"\bby *\(([^)]*)\) *\(", expression):
        inner = enclosed(expression, match.end())
        there = labels_of(inner) | {*re.findall(r'label_replace\(.*?\),\s*"(\w+)"', inner, re.DOTALL)}
        wrong |= {f"by ({label})" for label in {one.strip() for one in match[1].split(",")} - there}
    return wrong


def labels_of(expression: str) -> set[str]:
    """The labels of all metrics in an expression."""
    words = set(re.findall(r"[a-zA-Z_:][\w:]*", re.sub(r'"[^"]*"', "", expression)))
    return {label for name in words & labels().keys() for label in labels()[name]}


def enclosed(expression: str, begin: int) -> str:
    """What stands from `begin` to the bracket that closes the one before it."""
    depth = 1
    for at in range(begin, len(expression)):
        depth += {"(": 1, ")": -1}.get(expression[at], 0)
        if depth == 0:
            return expression[begin:at]
    raise ValueError(f"A bracket is not closed: {expression}")
