"""What a schema says of fields and directives, looked up once for all documents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from graphql import (
    GraphQLArgument,
    GraphQLDirective,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLUnionType,
    SchemaMetaFieldDef,
    TypeMetaFieldDef,
    TypeNameMetaFieldDef,
    is_composite_type,
    is_required_argument,
)

META_FIELDS: Final = {"__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef}


@dataclass(frozen=True, slots=True, eq=False)
class Arguments:
    """The arguments that a field or a directive takes, and those of them that must be given."""

    known: Mapping[str, GraphQLArgument]
    required: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A field. `shape` is alike for fields whose answers can stand under one name."""

    type_text: str
    arguments: Arguments
    shape: str
    below: "Composite | None"
    """What can be selected below it; None for leaves."""


@dataclass(frozen=True, slots=True, eq=False)
class Composite:
    """An object type, an interface or a union."""

    name: str
    abstract: bool
    possible: frozenset[str]
    fields: dict[str, Known] = field(default_factory=dict)


class KnownSchema:
    """The composite types by name, the roots, and the directives."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self.directives: dict[str, tuple[GraphQLDirective, Arguments]] = {
            one.name: (one, _arguments(one.args)) for one in schema.directives
        }
        self.composites: dict[str, Composite] = {}
        for name, kind in schema.type_map.items():
            if isinstance(kind, GraphQLInputObjectType) and kind.is_one_of:
                raise NotImplementedError(f"{name}: input objects of one field are not checked yet.")
            if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
                possible = frozenset(one.name for one in schema.get_possible_types(kind))
                self.composites[name] = Composite(name, abstract=True, possible=possible)
            elif isinstance(kind, GraphQLObjectType):
                self.composites[name] = Composite(name, abstract=False, possible=frozenset([name]))
        for name, composite in self.composites.items():
            kind = schema.type_map[name]
            fields = kind.fields if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) else {}
            composite.fields.update({field_name: self._known(one) for field_name, one in fields.items()})
            composite.fields["__typename"] = self._known(TypeNameMetaFieldDef)
        query = schema.query_type
        if query is not None:
            metas = {name: self._known(one) for name, one in META_FIELDS.items()}
            self.composites[query.name].fields.update(metas)

    def _known(self, one: GraphQLField) -> Known:
        wrapping, kind = "", one.type
        while isinstance(kind, GraphQLNonNull | GraphQLList):
            wrapping += "!" if isinstance(kind, GraphQLNonNull) else "["
            kind = kind.of_type
        composite = is_composite_type(kind)
        return Known(
            type_text=str(one.type),
            arguments=_arguments(one.args),
            shape=wrapping if composite else wrapping + _name(kind),
            below=self.composites[_name(kind)] if composite else None,
        )


def _arguments(args: Mapping[str, GraphQLArgument]) -> Arguments:
    return Arguments(args, tuple(name for name, one in args.items() if is_required_argument(one)))


def _name(kind: GraphQLOutputType) -> str:
    return str(kind)
