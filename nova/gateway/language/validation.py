"""Whether a document is valid against the schema: every rule of the specification's section 5, in one pass.

The library's rules visit a document thirty times over and hold every field against every other. Here each definition
is walked once, at a few µs a field, and the first error ends it: a document that is refused costs no more than one that
runs. Subscriptions and deferred parts have rules of their own, which this schema has no use for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from graphql import (
    DirectiveLocation,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    NamedTypeNode,
    OperationDefinitionNode,
    SelectionSetNode,
    is_input_type,
    type_from_ast,
)
from graphql.validation.rules.variables_in_allowed_position import allowed_variable_usage

from nova.gateway.language.hints import Hints
from nova.gateway.language.known import META_FIELDS, Composite, Known, KnownSchema
from nova.gateway.language.merging import Merging
from nova.gateway.language.values import Usages, Values

D = TypeVar("D", OperationDefinitionNode, FragmentDefinitionNode)

_ON_DEFINITION: Final = DirectiveLocation.VARIABLE_DEFINITION


@dataclass(slots=True)
class _Scope:
    """What a definition uses: variables where they stand, and fragments."""

    usages: Usages
    spreads: dict[str, None] = field(default_factory=dict)


class Validator:
    """Checks documents against one schema. `introspection` off also means: no suggestions in errors."""

    def __init__(self, schema: GraphQLSchema, *, introspection: bool) -> None:
        self._schema = KnownSchema(schema)
        self._introspection = introspection

    def check(self, document: DocumentNode, order: Sequence[str]) -> None:
        """Raise the first `GraphQLError`. `order` names the fragments, each after those that it spreads."""
        _Validation(self._schema, introspection=self._introspection).check(document, order)


class _Validation:
    """Checks one document."""

    def __init__(self, schema: KnownSchema, *, introspection: bool) -> None:
        self._schema = schema
        self._introspection = introspection
        self._hints = Hints(hidden=not introspection)
        self._fragments: Mapping[str, FragmentDefinitionNode] = {}

    def check(self, document: DocumentNode, order: Sequence[str]) -> None:
        operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
        fragments = [one for one in document.definitions if isinstance(one, FragmentDefinitionNode)]
        self._fragments = {one.name.value: one for one in fragments}
        _unique(fragments, "fragment")
        _unique(operations, "operation")
        _alone(operations)
        scopes = {name: self._fragment(self._fragments[name]) for name in order}
        walked = [self._operation(one) for one in operations]
        _used(fragments, scopes, walked)
        below: dict[str, Usages] = {}
        for name in order:
            below[name] = _usages(scopes[name], below)
        merging = Merging(self._schema, self._fragments)
        for operation, scope in zip(operations, walked, strict=True):
            self._variables(operation, _usages(scope, below))
            merging.check(operation.selection_set, self._root(operation))

    def _operation(self, operation: OperationDefinitionNode) -> _Scope:
        location = DirectiveLocation[operation.operation.name]
        return self._walk(operation, self._root(operation), location)

    def _root(self, operation: OperationDefinitionNode) -> Composite:
        root = self._schema.schema.get_root_type(operation.operation)
        if root is None:
            message = f"Schema is not configured to execute {operation.operation.value} operation."
            raise GraphQLError(message, operation)
        return self._schema.composites[root.name]

    def _fragment(self, fragment: FragmentDefinitionNode) -> _Scope:
        on = self._condition(fragment.type_condition, fragment)
        return self._walk(fragment, on, DirectiveLocation.FRAGMENT_DEFINITION)

    def _walk(
        self,
        definition: OperationDefinitionNode | FragmentDefinitionNode,
        root: Composite,
        location: DirectiveLocation,
    ) -> _Scope:
        values = Values(self._schema, self._hints)
        scope = _Scope(values.usages)
        values.directives(definition.directives, location)
        self._selections(definition.selection_set, root, values, scope)
        return scope

    def _selections(
        self, selection_set: SelectionSetNode, parent: Composite, values: Values, scope: _Scope
    ) -> None:
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                known = self._field(selection, parent, values)
                if selection.selection_set is not None and known.below is not None:
                    self._selections(selection.selection_set, known.below, values, scope)
            elif isinstance(selection, FragmentSpreadNode):
                values.directives(selection.directives, DirectiveLocation.FRAGMENT_SPREAD)
                fragment = self._fragments.get(selection.name.value)
                if fragment is None:
                    raise GraphQLError(f"Unknown fragment '{selection.name.value}'.", selection)
                self._possible(self._condition(fragment.type_condition, fragment), parent, selection)
                scope.spreads[selection.name.value] = None
            elif isinstance(selection, InlineFragmentNode):
                values.directives(selection.directives, DirectiveLocation.INLINE_FRAGMENT)
                within = parent
                if selection.type_condition is not None:
                    within = self._condition(selection.type_condition, selection)
                    self._possible(within, parent, selection)
                self._selections(selection.selection_set, within, values, scope)

    def _field(self, node: FieldNode, parent: Composite, values: Values) -> Known:
        name = node.name.value
        known = parent.fields.get(name)
        if known is None:
            hint = self._hints.among(name, [one for one in parent.fields if not one.startswith("__")])
            raise GraphQLError(f"Cannot query field '{name}' on type '{parent.name}'.{hint}", node)
        if name in META_FIELDS and not self._introspection:
            message = "GraphQL introspection has been disabled, but the requested query contained the field"
            raise GraphQLError(f"{message} '{name}'.", node)
        if node.directives:
            values.directives(node.directives, DirectiveLocation.FIELD)
        if node.arguments or known.arguments.required:
            values.arguments(node.arguments, known.arguments, f"field '{parent.name}.{name}'", node)
        if known.below is None and node.selection_set is not None:
            message = f"Field '{name}' must not have a selection"
            raise GraphQLError(f"{message} since type '{known.type_text}' has no subfields.", node)
        if known.below is not None and node.selection_set is None:
            message = f"Field '{name}' of type '{known.type_text}' must have a selection of subfields."
            hint = "" if self._hints.hidden else f" Did you mean '{name} {{ ... }}'?"
            raise GraphQLError(message + hint, node)
        return known

    def _condition(
        self, condition: NamedTypeNode, node: FragmentDefinitionNode | InlineFragmentNode
    ) -> Composite:
        name = condition.name.value
        found = self._schema.composites.get(name)
        if found is not None:
            return found
        if name in self._schema.schema.type_map:
            raise GraphQLError(f"Fragment cannot condition on non composite type '{name}'.", node)
        hint = self._hints.among(name, self._schema.schema.type_map)
        raise GraphQLError(f"Unknown type '{name}'.{hint}", node)

    def _possible(
        self, within: Composite, parent: Composite, node: FragmentSpreadNode | InlineFragmentNode
    ) -> None:
        if within.possible.isdisjoint(parent.possible):
            what = f"Fragment '{node.name.value}'" if isinstance(node, FragmentSpreadNode) else "Fragment"
            objects = f"objects of type '{parent.name}' can never be of type '{within.name}'"
            raise GraphQLError(f"{what} cannot be spread here as {objects}.", node)

    def _variables(self, operation: OperationDefinitionNode, usages: Usages) -> None:
        """Check what an operation declares, and what it and its fragments use."""
        declared = {}
        values = Values(self._schema, self._hints)
        for node in operation.variable_definitions or ():
            name = node.variable.name.value
            if name in declared:
                raise GraphQLError(f"There can be only one variable named '${name}'.", node)
            kind = type_from_ast(self._schema.schema, node.type)
            if kind is None or not is_input_type(kind):
                raise GraphQLError(f"Variable '${name}' cannot be of a type that is no input type.", node)
            values.directives(node.directives, _ON_DEFINITION)
            if node.default_value is not None:
                values.value(node.default_value, kind, node)
            declared[name] = (node, kind)
        of = f" by operation '{operation.name.value}'" if operation.name else ""
        for (name, *_), (place_kind, default, at) in usages.items():
            if name not in declared:
                raise GraphQLError(f"Variable '${name}' is not defined{of}.", at)
            node, kind = declared[name]
            given = node.default_value
            if not allowed_variable_usage(self._schema.schema, kind, given, place_kind, default):
                place = f"used in position expecting type '{place_kind}'"
                raise GraphQLError(f"Variable '${name}' of type '{kind}' {place}.", [node, at])
        used = {name for name, *_ in usages}
        for name, (node, _) in declared.items():
            if name not in used:
                raise GraphQLError(f"Variable '${name}' is never used.", node)


def _unique(definitions: Sequence[D], what: str) -> None:
    seen: set[str] = set()
    for one in definitions:
        if one.name is None:
            continue
        if one.name.value in seen:
            raise GraphQLError(f"There can be only one {what} named '{one.name.value}'.", one)
        seen.add(one.name.value)


def _alone(operations: Sequence[OperationDefinitionNode]) -> None:
    for one in operations:
        if one.name is None and len(operations) > 1:
            raise GraphQLError("This anonymous operation must be the only defined operation.", one)


def _used(
    fragments: Sequence[FragmentDefinitionNode], scopes: Mapping[str, _Scope], operations: Sequence[_Scope]
) -> None:
    used: set[str] = set()
    waiting = [name for operation in operations for name in operation.spreads]
    while waiting:
        name = waiting.pop()
        if name not in used:
            used.add(name)
            waiting.extend(scopes[name].spreads)
    for fragment in fragments:
        if fragment.name.value not in used:
            raise GraphQLError(f"Fragment '{fragment.name.value}' is never used.", fragment)


def _usages(scope: _Scope, below: Mapping[str, Usages]) -> Usages:
    """Return the variables of a definition and of all fragments below it."""
    found = dict(scope.usages)
    for name in scope.spreads:
        found.update(below[name])
    return found
