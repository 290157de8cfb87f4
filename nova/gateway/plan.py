"""How many calls to the rooms an operation makes, known before the first one.

Fields run in waves (see `nova.gateway.waves`): what a field needs is asked in the waves after those of its
parent, and calls of one wave that agree in method and variant are joined. The fields of a mutation run one after
another, so each counts by itself.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nova.gateway.errors import BackendBudgetExceeded
from nova.gateway.facts import Rpc
from nova.gateway.uses import EDGES, NO_FACTS, AskedUse, Use, asked


@dataclass(frozen=True, slots=True)
class Plan:
    """The most calls that an operation can make: fewer when caches or empty pages answer."""

    calls: int
    waves: int


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the run a selection stands: `turn` is the root field of a mutation, `wave` the last one before."""

    turn: int
    wave: int
    parents: int
    page: int | None = None


def plan(roots: Sequence[Use], variables: Mapping[str, Any], *, most: int, serial: bool) -> Plan:
    """Return the plan of an operation. Raises `BackendBudgetExceeded` when it makes more than `most` calls."""
    planning = _Planning(variables, most)
    for turn, root in enumerate(roots):
        planning.add((root,), _Place(turn=turn if serial else 0, wave=0, parents=1))
    return Plan(calls=planning.calls, waves=planning.waves)


class _Planning:
    def __init__(self, variables: Mapping[str, Any], most: int) -> None:
        self._variables = variables
        self._most = most
        self._keys: defaultdict[tuple[int, int, str, str, int | None], int] = defaultdict(int)
        self.calls = 0
        self.waves = 0

    def add(self, uses: Sequence[Use], place: _Place) -> None:
        """Add the uses of one selection."""
        for use in uses:
            if use.known is None or (use.known.facts is NO_FACTS and not use.children):
                continue
            one = asked(use, self._variables)
            wave = place.wave
            for stage in use.known.facts.stages(one):
                wave += 1
                for rpc in stage:
                    self._need(use, rpc, place, wave)
            self.waves = max(self.waves, wave)
            if use.children:
                self.add(use.children, _below(one, place, wave))

    def _need(self, use: Use, rpc: Rpc, place: _Place, wave: int) -> None:
        """Add the calls of one kind to those of its wave; the first that is one too many ends the planning."""
        kind = (place.turn, wave, rpc.method, rpc.variant, rpc.batch)
        before = self._keys[kind]
        after = self._keys[kind] = before + place.parents * rpc.keys
        self.calls += _calls(after, rpc.batch) - _calls(before, rpc.batch)
        if self.calls > self._most:
            raise BackendBudgetExceeded(
                f"The document needs more than {self._most} calls to the rooms: {use.path} goes beyond them.",
                field=use.path,
            )


def _calls(keys: int, batch: int | None) -> int:
    return keys if batch is None else -(-keys // batch)


def _below(one: AskedUse, place: _Place, wave: int) -> _Place:
    """Return the place of the children of a use."""
    known = one.use.known
    parents, page = place.parents, None
    if place.page is not None and one.use.name == EDGES:
        parents *= place.page
    elif known is not None and known.connection:
        page = one.size
    elif known is not None and known.facts.page is not None:
        parents *= one.size
    return _Place(turn=place.turn, wave=wave, parents=parents, page=page)
