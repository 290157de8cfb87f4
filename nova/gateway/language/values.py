"""Whether the values of a document fit where they stand (GraphQL specification, sections 5.4, 5.6 and 5.7)."""

from collections.abc import Sequence
from typing import Any, Final, cast

from graphql import (
    ArgumentNode,
    ConstValueNode,
    DirectiveLocation,
    DirectiveNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    ListValueNode,
    Node,
    NullValueNode,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableNode,
    is_required_input_field,
    print_ast,
)

from nova.gateway.language.hints import Hints
from nova.gateway.language.known import Arguments, KnownSchema

_SHOWN_MOST: Final = 60

Usages = dict[tuple[str, int, bool], tuple[GraphQLInputType, Any, Node]]
"""Where variables stand, alike ones once: by name, type and whether the place has a default."""


class Values:
    """Checks arguments and directives, and notes in `usages` the variables that it meets."""

    def __init__(self, schema: KnownSchema, hints: Hints) -> None:
        self._schema = schema
        self._hints = hints
        self.usages: Usages = {}

    def arguments(
        self, given: Sequence[ArgumentNode] | None, takes: Arguments, owner: str, node: Node
    ) -> None:
        """Check the arguments of a field or directive; `owner` is its name in errors."""
        seen: set[str] = set()
        for argument in given or ():
            name = argument.name.value
            known = takes.known.get(name)
            if known is None:
                hint = self._hints.among(name, takes.known)
                raise GraphQLError(f"Unknown argument '{name}' on {owner}.{hint}", argument)
            if name in seen:
                raise GraphQLError(f"There can be only one argument named '{name}'.", argument)
            seen.add(name)
            self.value(argument.value, known.type, argument, known.default_value)
        for name in takes.required:
            if name in seen:
                continue
            kind = takes.known[name].type
            message = f"Argument '{name}' of type '{kind}' is required on {owner}, but it was not provided."
            raise GraphQLError(message, node)

    def directives(self, given: Sequence[DirectiveNode] | None, location: DirectiveLocation) -> None:
        """Check the directives of a node."""
        if not given:
            return
        seen: set[str] = set()
        for node in given:
            name = node.name.value
            known = self._schema.directives.get(name)
            if known is None:
                raise GraphQLError(f"Unknown directive '@{name}'.", node)
            directive, takes = known
            if location not in directive.locations:
                raise GraphQLError(f"Directive '@{name}' may not be used on {location.value}.", node)
            if name in seen and not directive.is_repeatable:
                message = f"The directive '@{name}' can only be used once at this location."
                raise GraphQLError(message, node)
            seen.add(name)
            self.arguments(node.arguments, takes, f"directive '@{name}'", node)

    def value(self, value: ValueNode, kind: GraphQLInputType, at: Node, default: object = Undefined) -> None:
        """Check a value against the type of its place; errors point at the node `at` that holds it."""
        if isinstance(value, VariableNode):
            key = (value.name.value, id(kind), default is not Undefined)
            self.usages.setdefault(key, (kind, default, at))
            return
        if isinstance(kind, GraphQLNonNull):
            if isinstance(value, NullValueNode):
                raise GraphQLError(f"Expected value of non-null type '{kind}' not to be None.", at)
            kind = kind.of_type
        elif isinstance(value, NullValueNode):
            return
        if isinstance(kind, GraphQLList):
            # A list takes a single value for a list of one.
            for item in value.values if isinstance(value, ListValueNode) else (value,):
                self.value(item, kind.of_type, at)
        elif isinstance(kind, GraphQLInputObjectType):
            self._object(value, kind, at)
        else:
            self._leaf(value, kind, at)

    def _object(self, value: ValueNode, kind: GraphQLInputObjectType, at: Node) -> None:
        if not isinstance(value, ObjectValueNode):
            message = f"Expected value of type '{kind}' to be an object, found: {_shown(value)}."
            raise GraphQLError(message, at)
        given: dict[str, ValueNode] = {}
        for entry in value.fields:
            name = entry.name.value
            known = kind.fields.get(name)
            if known is None:
                hint = self._hints.among(name, kind.fields)
                raise GraphQLError(f"Field '{name}' is not defined by type '{kind}'.{hint}", at)
            if name in given:
                raise GraphQLError(f"There can be only one input field named '{name}'.", at)
            given[name] = entry.value
            self.value(entry.value, known.type, at, known.default_value)
        for name, known in kind.fields.items():
            if name not in given and is_required_input_field(known):
                message = f"Field '{kind}.{name}' of required type '{known.type}' was not provided."
                raise GraphQLError(message, at)

    def _leaf(self, value: ValueNode, kind: GraphQLLeafType, at: Node) -> None:
        try:
            fits = self._read(value, kind) is not Undefined
        except GraphQLError as error:
            raise GraphQLError(error.message, at) from error
        except Exception as error:  # whatever a scalar's own reader raises says that the value does not fit
            raise GraphQLError(f"Expected value of type '{kind}', found: {_shown(value)}.", at) from error
        if not fits:
            raise GraphQLError(f"Expected value of type '{kind}', found: {_shown(value)}.", at)

    def _read(self, value: ValueNode, kind: GraphQLLeafType) -> object:
        if isinstance(kind, GraphQLEnumType):
            return kind.coerce_input_literal(cast("ConstValueNode", value), self._hints.hidden)
        if kind.coerce_input_literal is not None:
            return kind.coerce_input_literal(cast("ConstValueNode", value))
        return kind.parse_literal(value, None)


def _shown(value: ValueNode) -> str:
    """Return a value as it was written, shortened."""
    if isinstance(value, ListValueNode | ObjectValueNode):
        return "a list" if isinstance(value, ListValueNode) else "an object"
    text = print_ast(value)
    return text if len(text) <= _SHOWN_MOST else f"{text[:_SHOWN_MOST]}…"
