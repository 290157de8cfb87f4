"""How large a document may be, asked before it is validated.

The order is that of rising price: bytes and tokens (before parsing), fields and values as they stand (while
parsing), depth, fragments, aliases and fields with fragments spread out. A fragment is measured once, whatever the
number of its uses, so that fragments that double each other cost us nothing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from nova.gateway.errors import BadDocument, QueryTooComplex, QueryTooDeep

INTROSPECTION_FIELDS: Final = frozenset({"__schema", "__type"})
_INTROSPECTION_LISTS: Final = frozenset({"fields", "inputFields", "interfaces", "possibleTypes"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The size of a document and of its answer.

    Fields and aliases are counted with fragments spread out, over all operations together. Values are those of
    arguments, as they stand, entries of lists and objects included: long lists are for variables.
    """

    depth: int = 10
    cost: int = 1000
    backend_calls: int = 10
    tokens: int = 2000
    document_bytes: int = 64 << 10
    answer_bytes: int = 2 << 20
    fields: int = 300
    values: int = 400
    variables: int = 100
    aliases: int = 100
    fragments: int = 60
    directives: int = 60
    operations: int = 20
    repeats: int = 10
    """How often one response name may stand in one selection: merging them is quadratic."""
    introspection_depth: int = 20
    introspection_lists: int = 2
    """How many lists of introspection may lie in each other: each multiplies the answer by the whole schema."""


class Size(NamedTuple):
    """What a selection amounts to with its fragments spread out."""

    depth: int = 0
    introspection_depth: int = 0
    lists: int = 0
    fields: int = 0
    aliases: int = 0


_NOTHING: Final = Size()


@dataclass(frozen=True, slots=True)
class Measured:
    """The size of each operation by name, and the fragments, each after those that it spreads."""

    sizes: Mapping[str | None, Size]
    order: Sequence[str]


def check_size(document: DocumentNode, limits: Limits) -> Measured:
    """Measure a document; raises `QueryTooDeep`, `QueryTooComplex` or `BadDocument`."""
    fragments = {
        node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    at_most("operations", len(operations), limits.operations)
    at_most("fragments", len(fragments), limits.fragments)
    measuring = _Measuring(limits)
    order = _innermost_first(fragments)
    for name in order:
        measuring.fragments[name] = measuring.size(fragments[name].selection_set)
    sizes = {
        node.name.value if node.name else None: measuring.size(node.selection_set) for node in operations
    }
    for size in sizes.values():
        if size.depth > limits.depth:
            raise QueryTooDeep(f"The document is {size.depth} fields deep: at most {limits.depth}.")
        if size.introspection_depth > limits.introspection_depth:
            raise QueryTooDeep(f"Introspection may be {limits.introspection_depth} fields deep at most.")
    at_most("aliases", sum(size.aliases for size in sizes.values()), limits.aliases)
    at_most("fields", sum(size.fields for size in sizes.values()), limits.fields)
    at_most("directives", measuring.directives, limits.directives)
    if measuring.repeats > limits.repeats:
        raise QueryTooComplex(
            f"One field stands {measuring.repeats} times in one selection: at most {limits.repeats}."
        )
    return Measured(sizes, order)


def at_most(what: str, count: int, most: int) -> None:
    """Raise `QueryTooComplex` when there are more than `most`."""
    if count > most:
        raise QueryTooComplex(f"The document has too many {what}: at most {most}.")


class _Measuring:
    """Measures selections whose fragments have been measured before."""

    def __init__(self, limits: Limits) -> None:
        self.fragments: dict[str, Size] = {}
        self.directives = 0
        self.repeats = 0
        self._most_lists = limits.introspection_lists

    def size(self, selection_set: SelectionSetNode) -> Size:
        """Return the size of a selection. It recurses as deeply as the parser allows within a definition."""
        depth = introspection = lists = fields = aliases = 0
        names: Counter[str] = Counter()
        for selection in selection_set.selections:
            self.directives += len(selection.directives or ())
            if isinstance(selection, FieldNode):
                inner = self.size(selection.selection_set) if selection.selection_set else _NOTHING
                fields, aliases = fields + 1, aliases + (selection.alias is not None)
                names[selection.alias.value if selection.alias else selection.name.value] += 1
                if selection.name.value in INTROSPECTION_FIELDS:
                    if inner.lists > self._most_lists:
                        raise BadDocument([GraphQLError("Maximum introspection depth exceeded", selection)])
                    depth, introspection = max(depth, 1), max(introspection, 1 + inner.depth)
                else:
                    depth = max(depth, 1 + inner.depth)
                    introspection = max(introspection, inner.introspection_depth)
                    lists = max(lists, inner.lists + (selection.name.value in _INTROSPECTION_LISTS))
            else:
                inner = self._spread(selection)
                depth, lists = max(depth, inner.depth), max(lists, inner.lists)
                introspection = max(introspection, inner.introspection_depth)
            fields, aliases = fields + inner.fields, aliases + inner.aliases
        if len(names) < len(selection_set.selections):
            self.repeats = max(self.repeats, *names.values(), 0)
        return Size(depth, introspection, lists, fields, aliases)

    def _spread(self, selection: object) -> Size:
        if isinstance(selection, InlineFragmentNode):
            return self.size(selection.selection_set)
        if isinstance(selection, FragmentSpreadNode):
            # An unknown fragment is validation's to report.
            return self.fragments.get(selection.name.value, _NOTHING)
        raise TypeError(f"A selection of kind {type(selection).__name__}.")


def _innermost_first(fragments: Mapping[str, FragmentDefinitionNode]) -> list[str]:
    """Return the fragments so that each comes after those that it spreads; raises `BadDocument` on a cycle."""
    uses = {name: tuple(dict.fromkeys(_spreads_of(node.selection_set))) for name, node in fragments.items()}
    done: dict[str, None] = {}
    for root, spreads in uses.items():
        path = {} if root in done else {root: iter(spreads)}
        while path:
            name, rest = next(reversed(path.items()))
            spread = next((use for use in rest if use in uses and use not in done), None)
            if spread is None:
                done[name] = None
                del path[name]
            elif spread in path:
                message = f"Cannot spread fragment '{spread}' within itself."
                raise BadDocument([GraphQLError(message, fragments[spread])])
            else:
                path[spread] = iter(uses[spread])
    return list(done)


def _spreads_of(selection_set: SelectionSetNode) -> Iterable[str]:
    waiting = [selection_set]
    while waiting:
        for selection in waiting.pop().selections:
            if isinstance(selection, FragmentSpreadNode):
                yield selection.name.value
            elif isinstance(selection, FieldNode | InlineFragmentNode) and selection.selection_set:
                waiting.append(selection.selection_set)
