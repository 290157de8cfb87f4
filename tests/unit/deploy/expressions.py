"""The expressions of Prometheus: what they speak of, and what there is."""

import re
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
