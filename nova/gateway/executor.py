"""graphql-core's executor, with a short way for what is only read.

A home page has some seven hundred fields, and all but a few read an attribute of an object that is there. The library
takes 10 µs for each: a path, an info, arguments, a look whether to wait. Here the fields of one selection that only
read are compiled once an operation, with all that lies below them, and then read in one go. Fields with a resolver go
the library's way, and so does an object that cannot be read like that: then the library finds the error and its place.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, TypeVar

from graphql import (
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    Undefined,
    is_leaf_type,
)
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.execution.executor import Executor
from graphql.pyutils import Path

C = TypeVar("C")

Read = Callable[[Any], Any]
"""Returns what an object, or a value, comes to in the answer; raises where it is none of its type."""

_NULL: Final = "There is no value."


class Attribute:
    """The resolver of a field that reads an attribute of its object."""

    __slots__ = ("read",)

    def __init__(self, name: str) -> None:
        self.read: Read = attrgetter(name)

    def __call__(self, source: object, _info: object) -> object:
        """Resolve the field."""
        return self.read(source)


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A selection on one type: how to read each field in order, None for those of `rest`, which have resolvers."""

    fields: GroupedFieldSet
    reads: tuple[tuple[str, Read | None], ...]
    rest: GroupedFieldSet

    def read(self, source: object) -> dict[str, Any]:
        """Return what is read; the fields of the rest hold their place."""
        return {name: read(source) if read else None for name, read in self.reads}


class ReadingExecutor(Executor[C]):
    """Executes one operation."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - the library's own
        super().__init__(*arguments, **options)
        self._compiled: dict[tuple[str, int], _Compiled] = {}

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,  # noqa: ANN401 - an object of the schema
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: C | None,
    ) -> dict[str, Any] | Awaitable[dict[str, Any]]:
        """Return the fields of one object."""
        compiled = self._compile(parent_type, grouped_field_set)
        try:
            results = compiled.read(source_value)
        except Exception:  # noqa: BLE001 - whatever it was, the library meets it again and says where
            return super().execute_fields(
                parent_type, source_value, path, grouped_field_set, position_context
            )
        if not compiled.rest:
            return results
        rest = super().execute_fields(parent_type, source_value, path, compiled.rest, position_context)
        if isinstance(rest, dict):
            return results | rest
        return _joined(results, rest)

    def _compile(self, parent_type: GraphQLObjectType, fields: GroupedFieldSet) -> _Compiled:
        # The library keeps the sets of an operation, and so does the value: their ids stay theirs.
        key = (parent_type.name, id(fields))
        found = self._compiled.get(key)
        if found is None:
            reads = {name: self._reader(parent_type, details) for name, details in fields.items()}
            rest = {name: details for name, details in fields.items() if reads[name] is None}
            found = self._compiled[key] = _Compiled(fields, tuple(reads.items()), rest)
        return found

    def _reader(self, parent_type: GraphQLObjectType, details: FieldDetailsList) -> Read | None:
        """Return how to read a field with all below it; None where a resolver has a say."""
        known = parent_type.fields.get(details[0].node.name.value)
        if known is None or not isinstance(known.resolve, Attribute):
            return None
        complete = self._completing(known.type, details)
        if complete is None:
            return None
        return _after(known.resolve.read, complete)

    def _completing(self, kind: GraphQLOutputType, details: FieldDetailsList) -> Read | None:
        if isinstance(kind, GraphQLNonNull):
            return self._present(kind.of_type, details)
        complete = self._present(kind, details)
        return None if complete is None else _or_null(complete)

    def _present(self, kind: GraphQLOutputType, details: FieldDetailsList) -> Read | None:
        """Return how to complete a value that is not null."""
        if isinstance(kind, GraphQLList):
            each = self._completing(kind.of_type, details)
            return None if each is None else _each(each)
        if is_leaf_type(kind):
            return _leaf(kind)
        if not isinstance(kind, GraphQLObjectType):
            return None
        below = self._compile(kind, self.collect_subfields(kind, details).grouped_field_set)
        return None if below.rest else _object(below)


async def _joined(results: dict[str, Any], rest: Awaitable[Mapping[str, Any]]) -> dict[str, Any]:
    return results | dict(await rest)


def _after(read: Read, complete: Read) -> Read:
    return lambda source: complete(read(source))


def _or_null(complete: Read) -> Read:
    return lambda value: None if value is None else complete(value)


def _each(complete: Read) -> Read:
    def each(values: list[Any]) -> list[Any]:
        if not isinstance(values, list):
            raise TypeError(_NULL)
        return [complete(value) for value in values]

    return each


def _leaf(kind: GraphQLLeafType) -> Read:
    coerce = kind.coerce_output_value

    def leaf(value: object) -> object:
        coerced = coerce(value)
        if value is None or coerced is None or coerced is Undefined:
            raise TypeError(_NULL)
        return coerced

    return leaf


def _object(below: _Compiled) -> Read:
    def read(value: object) -> dict[str, Any]:
        if value is None:
            raise TypeError(_NULL)
        return below.read(value)

    return read
