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

    @property
    def shown(self) -> str:
        """The value for people."""
        return f"{self.value:,.1f}" if self.value >= 1 else f"{self.value:.3f}"  # a ratio to a peer is small

    @property
    def verdict(self) -> str:
        """What is said of the objective; nothing where there is none."""
        return "" if self.goal is None else f"  goal ≤ {self.goal:g}: {'met' if self.met else 'MISSED'}"

    def line(self) -> str:
        """Return a line of the table."""
        return f"  {self.name:<46} {self.shown:>10} {self.unit:<3}{self.verdict}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """All figures of one run, what they depend on, and what a reader should know besides.

    `by_case`: the figures are of many cases, and named `case, column`.
    """

    benchmark: str
    machine: Mapping[str, str]
    figures: Sequence[Figure]
    notes: Sequence[str] = ()
    by_case: bool = False

    @property
    def met(self) -> bool:
        """Whether every objective is met."""
        return all(figure.met for figure in self.figures)

    def document(self) -> dict[str, object]:
        """Return all of it as JSON has it."""
        figures = [{**asdict(figure), "met": figure.met} for figure in self.figures]
        found: dict[str, object] = {
            "benchmark": self.benchmark, "machine": dict(self.machine), "figures": figures
        }  # fmt: skip
        return {**found, "notes": list(self.notes)} if self.notes else found

    def table(self) -> str:
        """Return some lines for people."""
        where = [f"  {name:<9} {value}" for name, value in self.machine.items()]
        lines = grid(self.figures) if self.by_case else [figure.line() for figure in self.figures]
        notes = ["", *(f"  {note}" for note in self.notes)] if self.notes else []
        return "\n".join([self.benchmark, *where, "", *lines, *notes])


def grid(figures: Sequence[Figure]) -> list[str]:
    """Return one line a case for figures named `case, column`, with the verdict of its objective at the end."""
    cases: dict[str, dict[str, Figure]] = {}
    units: dict[str, str] = {}
    for figure in figures:
        case, _, column = figure.name.rpartition(", ")
        cases.setdefault(case, {})[column] = figure
        units.setdefault(column, figure.unit)
    width = max(map(len, cases))
    heads = {column: f"{column} {unit}".rstrip() for column, unit in units.items()}
    lines = [" ".join([" " * (width + 2), *(f"{head:>9}" for head in heads.values())])]
    for case, found in cases.items():
        cells = [
            f"{found[column].shown if column in found else '':>{max(len(head), 9)}}"
            for column, head in heads.items()
        ]
        verdict = "".join(figure.verdict for figure in found.values())
        lines.append(" ".join([f"  {case:<{width}}", *cells, verdict]).rstrip())
    return lines


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
