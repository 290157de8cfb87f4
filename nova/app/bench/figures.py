"""What a benchmark finds: figures with their goals, and how they are shown."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

_MANY: Final = 3
"""So many objectives of one case are not all repeated in its line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure; `goal` is the greatest value that is good enough, `least` the smallest; None: no objective."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    least: float | None = None

    @property
    def met(self) -> bool:
        """Whether the objective is met."""
        return (self.goal is None or self.value <= self.goal) and (
            self.least is None or self.value >= self.least
        )

    @property
    def has_objective(self) -> bool:
        """Whether there is one."""
        return self.goal is not None or self.least is not None

    @property
    def shown(self) -> str:
        """The value for people; an int is a count."""
        if isinstance(self.value, int):
            return f"{self.value:,}"
        return f"{self.value:,.1f}" if self.value >= 1 else f"{self.value:.3f}"  # a ratio to a peer is small

    @property
    def verdict(self) -> str:
        """What is said of the objective; nothing where there is none."""
        verdict = "met" if self.met else "MISSED"
        at_most = "" if self.goal is None else f"  goal ≤ {self.goal:g}: {verdict}"
        return at_most if self.least is None else f"{at_most}  goal ≥ {self.least:g}: {verdict}"

    def line(self) -> str:
        """Return a line of the table."""
        return f"  {self.name:<46} {self.shown:>10} {self.unit:<3}{self.verdict}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """All figures of one run, what they depend on, and what a reader should know besides.

    `by_case`: the figures are of many cases, and named `case, column`; `remarks` are words about some of them, also
    about those that have no figures.
    """

    benchmark: str
    machine: Mapping[str, str]
    figures: Sequence[Figure]
    notes: Sequence[str] = ()
    by_case: bool = False
    remarks: Mapping[str, str] = field(default_factory=dict)

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
        more = {"notes": list(self.notes), "remarks": dict(self.remarks)}
        return found | {name: told for name, told in more.items() if told}

    def table(self) -> str:
        """Return some lines for people."""
        where = [f"  {name:<9} {value}" for name, value in self.machine.items()]
        lines = (
            grid(self.figures, self.remarks) if self.by_case else [figure.line() for figure in self.figures]
        )
        notes = ["", *(f"  {note}" for note in self.notes)] if self.notes else []
        return "\n".join([self.benchmark, *where, "", *lines, *notes])


def grid(figures: Sequence[Figure], remarks: Mapping[str, str] | None = None) -> list[str]:
    """Return one line a case for figures named `case, column`, with the verdict of its objective at the end."""
    said = remarks or {}
    cases: dict[str, dict[str, Figure]] = {}
    units: dict[str, str] = {}
    for figure in figures:
        case, _, column = figure.name.rpartition(", ")
        cases.setdefault(case, {})[column] = figure
        units.setdefault(column, figure.unit)
    cases |= {case: {} for case in said if case not in cases}
    width = max(map(len, cases))
    heads = {column: f"{column} {unit}".rstrip() for column, unit in units.items()}
    lines = [" ".join([" " * (width + 2), *(f"{head:>9}" for head in heads.values())])]
    for case, found in cases.items():
        cells = [
            f"{found[column].shown if column in found else '':>{max(len(head), 9)}}"
            for column, head in heads.items()
        ]
        words = f"  {said[case]}" if case in said else ""
        if not found:
            cells = []
        lines.append(" ".join([f"  {case:<{width}}", *cells, verdict_of(found) + words]).rstrip())
    return lines


def verdict_of(found: Mapping[str, Figure]) -> str:
    """Return what is said of a case: its objective and whether it is met, or of many which ones are missed."""
    judged = {column: figure for column, figure in found.items() if figure.has_objective}
    if len(judged) < _MANY:
        return "".join(figure.verdict for figure in judged.values())
    missed = [column for column, figure in judged.items() if not figure.met]
    return f"  MISSED: {', '.join(missed)}" if missed else "  met"


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
