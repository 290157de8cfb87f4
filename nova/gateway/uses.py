"""A document as a tree of the uses of fields, with fragments spread out: what cost and plan are computed on.

The tree is made once a document. It also answers a resolver's question whether something below it is asked
for, so that nothing is fetched in vain.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    Undefined,
    VariableNode,
    get_named_type,
    is_composite_type,
)
from graphql.utilities import value_from_ast_untyped

from nova.gateway.facts import METADATA_KEY, FieldFacts
from nova.platform.errors import InvalidArgument

EDGES: Final = "edges"
_DEFINITION: Final = "strawberry-definition"
NO_FACTS: Final = FieldFacts(stages=lambda _asked: ())
"""The facts of a field that calls no room and opens no page."""


@dataclass(frozen=True, slots=True)
class KnownField:
    """What the schema says of a field."""

    type_name: str
    composite: bool
    connection: bool
    """Whether its type holds `edges`: then the page lies below those and not beside them."""
    defaults: Mapping[str, Any]
    facts: FieldFacts


class SchemaFacts:
    """The fields of a schema by type and name."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._fields = {
            name: {field_name: _known(field) for field_name, field in kind.fields.items()}
            for name, kind in schema.type_map.items()
            if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and not name.startswith("__")
        }

    def field(self, type_name: str, name: str) -> KnownField | None:
        """Return the field, or None for the fields of introspection."""
        return self._fields.get(type_name, {}).get(name)

    def fields(self) -> Iterator[tuple[str, str, KnownField]]:
        """Yield every field with its type and name."""
        for type_name, fields in self._fields.items():
            for name, known in fields.items():
                yield type_name, name, known


def _known(field: GraphQLField) -> KnownField:
    kind = get_named_type(field.type)
    definition = field.extensions.get(_DEFINITION)
    metadata = getattr(definition, "metadata", None) or {}
    return KnownField(
        type_name=kind.name,
        composite=is_composite_type(kind),
        connection=isinstance(kind, GraphQLObjectType) and EDGES in kind.fields,
        defaults={
            name: argument.default_value
            for name, argument in field.args.items()
            if argument.default_value is not Undefined
        },
        facts=metadata.get(METADATA_KEY, NO_FACTS),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Use:
    """One field of a document. `path` is dotted, from the root, with the names of the schema."""

    name: str
    path: str
    node: FieldNode
    known: KnownField | None
    children: Sequence["Use"]

    def selects(self, *path: str) -> bool:
        """Return whether the field at `path` below this one is asked for."""
        if not path:
            return True
        return any(child.name == path[0] and child.selects(*path[1:]) for child in self.children)

    def arguments(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments; a variable that was not sent leaves its argument to the default."""
        found = dict(self.known.defaults) if self.known else {}
        for argument in self.node.arguments or ():
            if isinstance(argument.value, VariableNode) and argument.value.name.value not in variables:
                continue
            found[argument.name.value] = value_from_ast_untyped(argument.value, dict(variables))
        return found


@dataclass(frozen=True, slots=True)
class AskedUse:
    """A use with the variables of one request; see `nova.gateway.facts.Asked`."""

    use: Use
    arguments: Mapping[str, Any]
    size: int

    def selects(self, *path: str) -> bool:
        """Return whether the field at `path` below this one is asked for."""
        return self.use.selects(*path)


def asked(use: Use, variables: Mapping[str, Any]) -> AskedUse:
    """Resolve the arguments of a use. Raises `InvalidArgument` when its page has a size that is not allowed."""
    arguments = use.arguments(variables) if use.node.arguments or (use.known and use.known.defaults) else {}
    page = use.known.facts.page if use.known else None
    if page is None:
        return AskedUse(use, arguments, 1)
    given = arguments.get(page.argument, page.default)
    if isinstance(given, list):
        if len(given) > page.most:
            raise InvalidArgument(
                f"{use.path}: {page.argument} may hold {page.most} entries at most.", field=page.argument
            )
        return AskedUse(use, arguments, max(len(given), 1))
    if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= page.most:
        raise InvalidArgument(
            f"{use.path}: {page.argument} is a number from 1 to {page.most}.", field=page.argument
        )
    return AskedUse(use, arguments, given)


class Spreading:
    """Makes the tree of an operation. The document has been measured and validated before."""

    def __init__(self, facts: SchemaFacts, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._facts = facts
        self._fragments = fragments
        self.by_node: dict[int, Use] = {}
        """The use of each field node, by `id`; all uses of one node ask for the same below it."""

    def roots(self, operation: OperationDefinitionNode, type_name: str) -> Sequence[Use]:
        """Return the root fields of an operation."""
        return self._uses(operation.selection_set, type_name, "")

    def _uses(self, selection_set: SelectionSetNode, type_name: str, path: str) -> Sequence[Use]:
        found: list[Use] = []
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                found.append(self._use(selection, type_name, path))
                continue
            fragment = (
                selection
                if isinstance(selection, InlineFragmentNode)
                else self._fragments[cast("Any", selection).name.value]
            )
            on = fragment.type_condition.name.value if fragment.type_condition else type_name
            found.extend(self._uses(fragment.selection_set, on, path))
        return tuple(found)

    def _use(self, node: FieldNode, type_name: str, path: str) -> Use:
        name = node.name.value
        known = self._facts.field(type_name, name)
        path = f"{path}.{name}" if path else name
        inner = node.selection_set
        children = self._uses(inner, known.type_name if known else "", path) if inner else ()
        use = Use(name, path, node, known, children)
        self.by_node[id(node)] = use
        return use
