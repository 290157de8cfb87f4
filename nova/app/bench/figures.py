"""What a benchmark finds: figures with their goals, and how they are shown."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure; `goal` is the greatest value that is good enough, None where there is no objective."""

    name: str
    value: float
    unit: str
    goal: float | None = None

    @property
    def met(self) -> bool:
        """Whether the objective is met."""
        return self.goal is None or self.value <= self.goal

    def line(self) -> str:
        """Return a line of the table."""
        verdict = "" if self.goal is None else f"  goal ≤ {self.goal:g}: {'met' if self.met else 'MISSED'}"
        shown = f"{self.value:,.1f}" if self.value >= 1 else f"{self.value:.3f}"  # a ratio to a peer is small
        return f"  {self.name:<46} {shown:>10} {self.unit:<3}{verdict}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """All figures of one run, and what they depend on."""

    benchmark: str
    machine: Mapping[str, str]
    figures: Sequence[Figure]

    @property
    def met(self) -> bool:
        """Whether every objective is met."""
        return all(figure.met for figure in self.figures)

    def document(self) -> dict[str, object]:
        """Return all of it as JSON has it."""
        figures = [{**asdict(figure), "met": figure.met} for figure in self.figures]
        return {"benchmark": self.benchmark, "machine": dict(self.machine), "figures": figures}

    def table(self) -> str:
        """Return some lines for people."""
        where = [f"  {name:<9} {value}" for name, value in self.machine.items()]
        return "\n".join([self.benchmark, *where, "", *(figure.line() for figure in self.figures)])


def spread(
    name: str, seconds: Sequence[float], *, goal_ms: float | None = None, with_max: bool = False
) -> list[Figure]:
    """Return p50 and p95 of some times, in ms; the goal is that of p95."""
    found = [
        Figure(name=f"{name}, p50", value=quantile(seconds, 0.5) * 1000, unit="ms"),
        Figure(name=f"{name}, p95", value=quantile(seconds, 0.95) * 1000, unit="ms", goal=goal_ms),
    ]
    if with_max:
        found.append(Figure(name=f"{name}, max", value=max(seconds) * 1000, unit="ms"))
    return found


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` of all values do not exceed (nearest rank)."""
    if not values:
        raise ValueError("no values, no quantile")
    return sorted(values)[max(math.ceil(share * len(values)), 1) - 1]
