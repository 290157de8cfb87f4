"""Whether fields that share a response name can be merged (GraphQL specification, section 5.3.2).

The library compares every pair. Here the fields of one name are held against the first of them: being alike is an
equivalence, so that is enough, and each field is looked at once a level (S. Adameit, "Overlapping fields can be merged
fast", 2020).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    SelectionSetNode,
    ValueNode,
)

from nova.gateway.language.known import Composite, Known, KnownSchema


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A field where it is selected."""

    node: FieldNode
    parent: Composite
    known: Known


class Merging:
    """Checks the operations of one document, whose fields, fragments and arguments are known to be there."""

    def __init__(self, schema: KnownSchema, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._schema = schema
        self._fragments = fragments

    def check(self, selection_set: SelectionSetNode, parent: Composite) -> None:
        """Check what lies below an operation; raises `GraphQLError` at the first conflict."""
        self._check(self._chosen([(selection_set, parent)]), shapes_only=False)

    def _check(self, chosen: Sequence[_Chosen], *, shapes_only: bool) -> None:
        groups: dict[str, list[_Chosen]] = {}
        for one in chosen:
            groups.setdefault((one.node.alias or one.node.name).value, []).append(one)
        for name, group in groups.items():
            if len(group) == 1:
                self._below(group, shapes_only=shapes_only)
                continue
            _same_shape(name, group)
            parts = [] if shapes_only else _by_parent(group)
            for part in parts:
                _same_call(name, part)
                self._below(part, shapes_only=False)
            if len(parts) != 1:
                self._below(group, shapes_only=True)

    def _below(self, group: Sequence[_Chosen], *, shapes_only: bool) -> None:
        below = [
            (one.node.selection_set, one.known.below)
            for one in group
            if one.node.selection_set is not None and one.known.below is not None
        ]
        if below:
            self._check(self._chosen(below), shapes_only=shapes_only)

    def _chosen(self, places: Iterable[tuple[SelectionSetNode, Composite]]) -> list[_Chosen]:
        """Return the fields of selections that are merged, with fragments spread out, each fragment once."""
        found: list[_Chosen] = []
        spread: set[str] = set()
        waiting = list(places)
        while waiting:
            selection_set, parent = waiting.pop()
            for selection in selection_set.selections:
                if isinstance(selection, FieldNode):
                    found.append(_Chosen(selection, parent, parent.fields[selection.name.value]))
                elif isinstance(selection, InlineFragmentNode):
                    on = selection.type_condition
                    within = self._schema.composites[on.name.value] if on else parent
                    waiting.append((selection.selection_set, within))
                elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in spread:
                    spread.add(selection.name.value)
                    fragment = self._fragments[selection.name.value]
                    within = self._schema.composites[fragment.type_condition.name.value]
                    waiting.append((fragment.selection_set, within))
        return found


def _by_parent(group: Sequence[_Chosen]) -> Sequence[Sequence[_Chosen]]:
    """Return the fields that can be of one object. An interface makes one part of all that implement it."""
    if any(one.parent.abstract for one in group):
        return [group]
    parts: dict[str, list[_Chosen]] = {}
    for one in group:
        parts.setdefault(one.parent.name, []).append(one)
    return list(parts.values())


def _same_shape(name: str, group: Sequence[_Chosen]) -> None:
    first = group[0]
    for one in group:
        if one.known.shape != first.known.shape:
            reason = f"they return conflicting types '{first.known.type_text}' and '{one.known.type_text}'"
            raise _conflict(name, reason, first, one)


def _same_call(name: str, part: Sequence[_Chosen]) -> None:
    first = part[0]
    given = _arguments(first.node)
    for one in part[1:]:
        if one.node.name.value != first.node.name.value:
            reason = f"'{first.node.name.value}' and '{one.node.name.value}' are different fields"
            raise _conflict(name, reason, first, one)
        if _arguments(one.node) != given:
            raise _conflict(name, "they have differing arguments", first, one)


def _arguments(node: FieldNode) -> dict[str, ValueNode]:
    """Return the arguments by name. The values hold no places, so equal ones are equal."""
    return {argument.name.value: argument.value for argument in node.arguments or ()}


def _conflict(name: str, reason: str, first: _Chosen, other: _Chosen) -> GraphQLError:
    return GraphQLError(
        f"Fields '{name}' conflict because {reason}."
        " Use different aliases on the fields to fetch both if this was intentional.",
        [first.node, other.node],
    )
