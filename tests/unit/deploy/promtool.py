"""Prometheus itself, by its promtool: whether it can read an expression, and what comes of one."""

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
import yaml

from tests.unit.deploy.expressions import PROMETHEUS

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool (Prometheus) is not installed"
)


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


def differs(query: str, series: Mapping[str, str], value: float | None, folder: Path) -> str:
    """Return what promtool says where a query is not worth `value` after a quarter of an hour; None is no answer.

    `series` have a sample a minute, in promtool's own notation. Values are compared to a hundredth.
    """
    asked = {
        "expr": f"round({query}, 0.01)",
        "eval_time": "15m",
        "exp_samples": [] if value is None else [{"labels": "{}", "value": value}],
    }
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    file = folder / "query_test.yml"
    file.write_text(
        yaml.safe_dump({"tests": [{"interval": "1m", "input_series": inputs, "promql_expr_test": [asked]}]})
    )
    return told_by_promtool("test", "rules", str(file))
