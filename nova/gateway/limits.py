"""How large a document may be, asked before it is validated.

The order is that of rising price: bytes and tokens (while parsing), depth, fragments, aliases and fields. A
fragment is measured once, whatever the number of its uses, so that fragments that double each other cost us
nothing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

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

INTROSPECTION_FIELDS = frozenset({"__schema", "__type"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The size of a document and of its answer. Fields and aliases are counted with fragments spread out."""

    depth: int = 10
    cost: int = 1000
    backend_calls: int = 10
    tokens: int = 2000
    document_bytes: int = 64 << 10
    answer_bytes: int = 2 << 20
    fields: int = 300
    aliases: int = 100
    fragments: int = 60
    directives: int = 60
    operations: int = 20
    repeats: int = 10
    """How often one response name may stand in one selection: merging them is quadratic."""
    introspection_depth: int = 20


@dataclass(frozen=True, slots=True)
class Size:
    """What a selection amounts to with its fragments spread out."""

    depth: int = 0
    introspection_depth: int = 0
    fields: int = 0
    aliases: int = 0


def check_size(document: DocumentNode, limits: Limits) -> dict[str | None, Size]:
    """Return the size of each operation by name; raises `QueryTooDeep`, `QueryTooComplex` or `BadDocument`."""
    fragments = {
        node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    _at_most("operations", len(operations), limits.operations)
    _at_most("fragments", len(fragments), limits.fragments)
    measuring = _Measuring(limits)
    for name in _innermost_first(fragments):
        measuring.fragments[name] = measuring.size(fragments[name].selection_set)
    sizes = {
        node.name.value if node.name else None: measuring.size(node.selection_set) for node in operations
    }
    for size in sizes.values():
        if size.depth > limits.depth:
            raise QueryTooDeep(f"The document is {size.depth} fields deep: at most {limits.depth}.")
        if size.introspection_depth > limits.introspection_depth:
            raise QueryTooDeep(f"Introspection may be {limits.introspection_depth} fields deep at most.")
    for size in sizes.values():
        _at_most("aliases", size.aliases, limits.aliases)
        _at_most("fields", size.fields, limits.fields)
    _at_most("directives", measuring.directives, limits.directives)
    if measuring.repeats > limits.repeats:
        raise QueryTooComplex(
            f"One field stands {measuring.repeats} times in one selection: at most {limits.repeats}."
        )
    return sizes


def _at_most(what: str, count: int, most: int) -> None:
    if count > most:
        raise QueryTooComplex(f"The document has too many {what}: at most {most}.")


class _Measuring:
    """Measures selections whose fragments have been measured before."""

    def __init__(self, limits: Limits) -> None:
        self.fragments: dict[str, Size] = {}
        self.directives = 0
        self.repeats = 0
        self._tracked = limits.repeats

    def size(self, selection_set: SelectionSetNode) -> Size:
        """Return the size of a selection. It recurses as deeply as the parser allows within a definition."""
        depth = introspection = fields = aliases = 0
        names: Counter[str] = Counter()
        for selection in selection_set.selections:
            self.directives += len(selection.directives or ())
            if isinstance(selection, FieldNode):
                inner = self.size(selection.selection_set) if selection.selection_set else Size()
                fields, aliases = fields + 1, aliases + (selection.alias is not None)
                names[selection.alias.value if selection.alias else selection.name.value] += 1
                if selection.name.value in INTROSPECTION_FIELDS:
                    depth, introspection = max(depth, 1), max(introspection, 1 + inner.depth)
                else:
                    depth = max(depth, 1 + inner.depth)
                    introspection = max(introspection, inner.introspection_depth)
            else:
                inner = self._spread(selection)
                depth, introspection = (
                    max(depth, inner.depth),
                    max(introspection, inner.introspection_depth),
                )
            fields, aliases = fields + inner.fields, aliases + inner.aliases
        if len(names) < len(selection_set.selections):
            self.repeats = max(self.repeats, *names.values(), 0)
        return Size(depth, introspection, fields, aliases)

    def _spread(self, selection: object) -> Size:
        if isinstance(selection, InlineFragmentNode):
            return self.size(selection.selection_set)
        if isinstance(selection, FragmentSpreadNode):
            # An unknown fragment is validation's to report.
            return self.fragments.get(selection.name.value, Size())
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
