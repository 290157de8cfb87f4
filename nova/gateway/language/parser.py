"""The library's syntax tree, made of tokens by recursive descent: executable documents only.

The library's parser takes 8 µs a token, most of it in its lexer and in the constructors of frozen dataclasses. This
one makes the same nodes the way pickle does, and stops at the first that is one too many. A document deeper than
`DEEPEST` levels is refused, in selections and in values apart, so that the error can tell which.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from graphql import (
    ArgumentNode,
    BooleanValueNode,
    DefinitionNode,
    DirectiveNode,
    DocumentNode,
    EnumValueNode,
    FieldNode,
    FloatValueNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    ListTypeNode,
    ListValueNode,
    Location,
    NamedTypeNode,
    NameNode,
    Node,
    NonNullTypeNode,
    NullValueNode,
    ObjectFieldNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    Source,
    StringValueNode,
    TypeNode,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
)

from nova.gateway.errors import QueryTooDeep
from nova.gateway.language.lexer import BLOCK, END, NAME, NUMBER, STRING, Tokens
from nova.gateway.limits import Limits, at_most
from nova.platform.errors import InvalidArgument

DEEPEST: Final = 64

N = TypeVar("N", bound=Node)

_OPERATIONS: Final = {kind.value: kind for kind in OperationType}


class _Place(Location):
    """Where a node stands. The library's locations also hold tokens, which nothing asks for here."""

    __slots__ = ()

    def __init__(self, start: int, end: int, source: Source) -> None:
        self.start = start
        self.end = end
        self.source = source


def _made(kind: type[N], attributes: dict[str, Any]) -> N:
    """Make a node as pickle does; attributes that are left out have the defaults of the class."""
    node = object.__new__(kind)
    node.__dict__.update(attributes)
    return node


def parse(tokens: Tokens, limits: Limits) -> DocumentNode:
    """Return the tree.

    Raises `GraphQLSyntaxError`, `QueryTooComplex`, and where it is too deep `QueryTooDeep` or, for a value,
    `InvalidArgument`.
    """
    return _Parser(tokens, limits).document()


class _Parser:
    def __init__(self, tokens: Tokens, limits: Limits) -> None:
        self._limits = limits
        self._fields = 0
        self._values = 0
        self._tokens = tokens
        self._kinds = tokens.kinds
        self._texts = tokens.texts
        self._at = 0
        self._depth = 0
        self._names: dict[str, NameNode] = {}

    def document(self) -> DocumentNode:
        definitions = [self._definition()]
        while self._kinds[self._at] != END:
            definitions.append(self._definition())
        return _made(DocumentNode, {"definitions": tuple(definitions)})

    def _definition(self) -> DefinitionNode:
        start = self._at
        text = self._texts[start]
        if text == "{":
            return _made(
                OperationDefinitionNode,
                {
                    "operation": OperationType.QUERY,
                    "selection_set": self._selection_set(),
                    "loc": self._place(start),
                },
            )
        if self._kinds[start] in (STRING, BLOCK):
            # A description: it says something to readers only.
            text = self._texts[self._next()]
        if text in _OPERATIONS:
            return self._operation(start, _OPERATIONS[text])
        if text != "fragment":
            self._tokens.unexpected(self._at)
        self._next()
        if self._texts[self._at] == "on":
            self._tokens.unexpected(self._at)
        name = self._name()
        if self._texts[self._at] != "on":
            self._tokens.unexpected(self._at)
        return _made(
            FragmentDefinitionNode,
            {
                "name": name,
                "variable_definitions": (),
                "type_condition": self._condition(),
                "directives": self._directives(),
                "selection_set": self._selection_set(),
                "loc": self._place(start),
            },
        )

    def _operation(self, start: int, operation: OperationType) -> OperationDefinitionNode:
        self._next()
        name = self._name() if self._kinds[self._at] == NAME else None
        variables = self._many("(", self._variable_definition, ")")
        at_most("variables", len(variables or ()), self._limits.variables)
        return _made(
            OperationDefinitionNode,
            {
                "operation": operation,
                "name": name,
                "variable_definitions": variables,
                "directives": self._directives(),
                "selection_set": self._selection_set(),
                "loc": self._place(start),
            },
        )

    def _variable_definition(self) -> VariableDefinitionNode:
        start = self._at
        if self._kinds[start] in (STRING, BLOCK):
            self._next()
        variable = self._variable()
        self._expect(":")
        definition: dict[str, Any] = {"variable": variable, "type": self._type()}
        if self._texts[self._at] == "=":
            self._next()
            definition["default_value"] = self._value(constant=True)
        definition["directives"] = self._directives(constant=True)
        definition["loc"] = self._place(start)
        return _made(VariableDefinitionNode, definition)

    def _type(self) -> TypeNode:
        kind: TypeNode
        if self._texts[self._at] == "[":
            self._enter()
            self._next()
            inner = self._type()
            self._depth -= 1
            self._expect("]")
            kind = _made(ListTypeNode, {"type": inner})
        else:
            kind = _made(NamedTypeNode, {"name": self._name()})
        if self._texts[self._at] == "!":
            self._next()
            return _made(NonNullTypeNode, {"type": kind})
        return kind

    def _selection_set(self) -> SelectionSetNode:
        self._depth += 1
        if self._depth > DEEPEST:
            raise QueryTooDeep("The document is nested too deeply.")
        self._expect("{")
        selections = []
        while self._texts[self._at] != "}":
            selections.append(self._selection())
        self._at += 1
        self._depth -= 1
        if not selections:
            self._tokens.unexpected(self._at - 1)
        return _made(SelectionSetNode, {"selections": tuple(selections)})

    def _selection(self) -> SelectionNode:
        start = self._at
        if self._texts[start] == "...":
            return self._spread(start)
        self._fields += 1
        if self._fields > self._limits.fields:
            at_most("fields", self._fields, self._limits.fields)
        field: dict[str, Any] = {"name": self._name()}
        following = self._texts[self._at]
        if following == ":":
            self._at += 1
            field["alias"], field["name"] = field["name"], self._name()
            following = self._texts[self._at]
        if following == "(":
            field["arguments"] = self._many("(", self._argument, ")")
            following = self._texts[self._at]
        if following == "@":
            field["directives"] = self._directives()
            following = self._texts[self._at]
        if following == "{":
            field["selection_set"] = self._selection_set()
        field["loc"] = self._place(start)
        return _made(FieldNode, field)

    def _spread(self, start: int) -> SelectionNode:
        self._next()
        if self._kinds[self._at] == NAME and self._texts[self._at] != "on":
            spread = {"name": self._name(), "directives": self._directives(), "loc": self._place(start)}
            return _made(FragmentSpreadNode, spread)
        return _made(
            InlineFragmentNode,
            {
                "type_condition": self._condition() if self._texts[self._at] == "on" else None,
                "directives": self._directives(),
                "selection_set": self._selection_set(),
                "loc": self._place(start),
            },
        )

    def _condition(self) -> NamedTypeNode:
        self._next()
        return _made(NamedTypeNode, {"name": self._name()})

    def _directives(self, *, constant: bool = False) -> tuple[DirectiveNode, ...] | None:
        if self._texts[self._at] != "@":
            return None
        found = []
        while self._texts[self._at] == "@":
            start = self._at
            self._next()
            directive = {"name": self._name(), "arguments": self._many("(", self._argument, ")", constant)}
            found.append(_made(DirectiveNode, {**directive, "loc": self._place(start)}))
        return tuple(found)

    def _argument(self, constant: bool = False) -> ArgumentNode:
        start = self._at
        name = self._name()
        self._expect(":")
        return _made(
            ArgumentNode, {"name": name, "value": self._value(constant=constant), "loc": self._place(start)}
        )

    def _value(self, *, constant: bool = False) -> ValueNode:
        at = self._at
        self._values += 1
        if self._values > self._limits.values:
            at_most("values", self._values, self._limits.values)
        kind, text = self._kinds[at], self._texts[at]
        if text == "$" and not constant:
            return self._variable()
        if text in ("[", "{"):
            self._enter()
            value = self._list(constant) if text == "[" else self._object(constant)
            self._depth -= 1
            return value
        self._at += 1
        if kind == NUMBER:
            number = IntValueNode if text.lstrip("-").isdigit() else FloatValueNode
            return _made(number, {"value": text})
        if kind in (STRING, BLOCK):
            return _made(StringValueNode, {"value": self._tokens.string(at), "block": kind == BLOCK})
        if kind != NAME:
            self._tokens.unexpected(at)
        if text in ("true", "false"):
            return _made(BooleanValueNode, {"value": text == "true"})
        return _made(NullValueNode, {}) if text == "null" else _made(EnumValueNode, {"value": text})

    def _list(self, constant: bool) -> ListValueNode:
        self._at += 1
        values = []
        while self._texts[self._at] != "]":
            values.append(self._value(constant=constant))
        self._at += 1
        return _made(ListValueNode, {"values": tuple(values)})

    def _object(self, constant: bool) -> ObjectValueNode:
        self._at += 1
        fields = []
        while self._texts[self._at] != "}":
            name = self._name()
            self._expect(":")
            fields.append(_made(ObjectFieldNode, {"name": name, "value": self._value(constant=constant)}))
        self._at += 1
        return _made(ObjectValueNode, {"fields": tuple(fields)})

    def _variable(self) -> VariableNode:
        self._expect("$")
        return _made(VariableNode, {"name": self._name()})

    def _many(
        self, opening: str, item: Callable[..., N], closing: str, *arguments: bool
    ) -> tuple[N, ...] | None:
        """Return the items between two punctuators, one at least; None where the first is not there."""
        if self._texts[self._at] != opening:
            return None
        self._at += 1
        items = [item(*arguments)]
        while self._texts[self._at] != closing:
            items.append(item(*arguments))
        self._at += 1
        return tuple(items)

    def _name(self) -> NameNode:
        at = self._at
        if self._kinds[at] != NAME:
            self._tokens.unexpected(at)
        self._at = at + 1
        text = self._texts[at]
        # Names hold no place, so one node serves wherever a name stands.
        name = self._names.get(text)
        if name is None:
            name = self._names[text] = _made(NameNode, {"value": text})
        return name

    def _expect(self, punctuator: str) -> None:
        if self._texts[self._at] != punctuator:
            self._tokens.unexpected(self._at)
        self._at += 1

    def _next(self) -> int:
        self._at += 1
        return self._at

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise InvalidArgument("An argument is nested too deeply.")

    def _place(self, start: int) -> _Place:
        starts = self._tokens.starts
        last = self._at - 1
        return _Place(starts[start], starts[last] + len(self._texts[last]), self._tokens.source)
