"""Documents: read, measured and validated once, then known by their hash.

A document is checked in the order of rising price. What passed is kept, within bounds of count and of size, so
that a client's few documents cost one look-up, and a flood of new ones cannot fill the memory.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_variable_values,
)

from nova.gateway.cost import cost
from nova.gateway.errors import BadDocument, QueryTooComplex
from nova.gateway.language.lexer import tokens
from nova.gateway.language.parser import parse
from nova.gateway.language.validation import Validator
from nova.gateway.limits import Limits, Size, check_size
from nova.gateway.plan import Plan, plan
from nova.gateway.uses import SchemaFacts, Spreading, Use
from nova.platform.errors import InvalidArgument

_MOST_KNOWN: Final = 1000
_MOST_KNOWN_TOKENS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document. `uses` finds the use of a field node by its `id`."""

    name: str | None
    node: OperationDefinitionNode
    size: Size
    roots: Sequence[Use]
    uses: Mapping[int, Use]

    @property
    def is_mutation(self) -> bool:
        """Whether it changes something."""
        return self.node.operation is OperationType.MUTATION

    def selects(self, nodes: Sequence[FieldNode], *path: str) -> bool:
        """Return whether the field at `path` below `nodes` (one field, merged) is asked for."""
        return any(self.uses[id(node)].selects(*path) for node in nodes)


@dataclass(frozen=True, slots=True)
class Document:
    """A document that may run."""

    text: str
    sha256: str
    ast: DocumentNode
    operations: Mapping[str | None, Operation]
    tokens: int = field(default=0, repr=False)

    def operation(self, name: str | None) -> Operation:
        """Return the operation to run; raises `InvalidArgument` when the name does not choose one."""
        if name is None and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        chosen = self.operations.get(name)
        if chosen is None:
            raise InvalidArgument(
                "The document holds several operations: send operationName."
                if name is None
                else "The document has no operation of that name.",
                field="operationName",
            )
        return chosen


@dataclass(frozen=True, slots=True)
class Priced:
    """An operation with the variables of one request, and what it will take."""

    variables: Mapping[str, Any]
    cost: int
    plan: Plan


class Documents:
    """Reads documents against one schema. `introspection` off also means: no suggestions in errors."""

    def __init__(self, schema: GraphQLSchema, *, limits: Limits, introspection: bool) -> None:
        self._schema = schema
        self._facts = SchemaFacts(schema)
        self._limits = limits
        self.hide_suggestions = not introspection
        self._validator = Validator(schema, introspection=introspection)
        self._known: OrderedDict[str, Document] = OrderedDict()
        self._known_tokens = 0

    def __len__(self) -> int:
        return len(self._known)

    def known(self, sha256: str) -> Document | None:
        """Return a document that passed before."""
        document = self._known.get(sha256)
        if document is not None:
            self._known.move_to_end(sha256)
        return document

    def read(self, text: str) -> Document:
        """Return the document; raises `BadDocument`, `QueryTooDeep`, `QueryTooComplex` or `InvalidArgument`."""
        if len(text) > self._limits.document_bytes:
            raise QueryTooComplex(f"The document has more than {self._limits.document_bytes} bytes.")
        sha256 = hash_of(text)
        known = self.known(sha256)
        if known is not None:
            return known
        try:
            document = self._checked(text, sha256)
        except GraphQLError as error:
            raise BadDocument([error]) from None
        self._remember(document)
        return document

    def price(self, operation: Operation, variables: Mapping[str, Any]) -> Priced:
        """Return what the operation will take; raises when it is beyond the limits or the variables are wrong."""
        coerced = get_variable_values(
            self._schema,
            operation.node.variable_definitions or (),
            dict(variables),
            max_errors=1,
            hide_suggestions=self.hide_suggestions,
        )
        if isinstance(coerced, list):
            raise BadDocument(coerced)
        values = coerced.coerced
        return Priced(
            variables=values,
            cost=cost(operation.roots, values, self._limits.cost),
            plan=plan(operation.roots, values, most=self._limits.backend_calls, serial=operation.is_mutation),
        )

    def _checked(self, text: str, sha256: str) -> Document:
        """Read and check a document; raises `GraphQLError` as well."""
        found = tokens(text, most=self._limits.tokens)
        ast = parse(found, self._limits)
        measured = check_size(ast, self._limits)
        self._validator.check(ast, measured.order)
        return Document(text, sha256, ast, self._operations(ast, measured.sizes), len(found.kinds) - 1)

    def _operations(self, ast: DocumentNode, sizes: Mapping[str | None, Size]) -> dict[str | None, Operation]:
        fragments = {
            node.name.value: node for node in ast.definitions if isinstance(node, FragmentDefinitionNode)
        }
        operations: dict[str | None, Operation] = {}
        for node in ast.definitions:
            if not isinstance(node, OperationDefinitionNode):
                continue
            root = self._schema.get_root_type(node.operation)
            spreading = Spreading(self._facts, fragments)
            name = node.name.value if node.name else None
            roots = spreading.roots(node, root.name if root else "")
            operations[name] = Operation(name, node, sizes[name], roots, spreading.by_node)
        return operations

    def _remember(self, document: Document) -> None:
        self._known[document.sha256] = document
        self._known_tokens += document.tokens
        while len(self._known) > _MOST_KNOWN or self._known_tokens > _MOST_KNOWN_TOKENS:
            self._known_tokens -= self._known.popitem(last=False)[1].tokens


def hash_of(text: str) -> str:
    """Return the SHA-256 of a document in hexadecimal, as Apollo's persisted queries use it."""
    return hashlib.sha256(text.encode()).hexdigest()
