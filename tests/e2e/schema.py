"""Documents made from the schema that the platform tells by introspection: a new field is asked for by itself."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    build_client_schema,
    get_introspection_query,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

from tests.e2e.nova import Nova

PAGE = 2
DEEPEST = 10
NODE = "Node"
Kind = GraphQLObjectType


async def introspected(nova: Nova) -> GraphQLSchema:
    """Ask the platform for its schema."""
    return build_client_schema((await nova.ask(get_introspection_query())).data)


@dataclass(frozen=True, slots=True)
class Ways:
    """What is put in for arguments: entities by id with the names of their types, people to find a path to, handles."""

    kinds: Mapping[str, str]
    targets: Sequence[str]
    handles: Sequence[str]

    def calls(self, name: str, field: GraphQLField) -> list[str]:
        """Return the ways to ask for a field: its name with arguments. Pages take `$after`."""
        options = [
            [f"{argument}: {value}" for value in self._values(name, argument, field)]
            for argument in field.args
        ]
        given = [", ".join(parts) for parts in product(*options)]
        return [f"{name}({arguments})" if arguments else name for arguments in given]

    def _values(self, name: str, argument: str, field: GraphQLField) -> Sequence[str]:
        kind = get_named_type(field.args[argument].type)
        if isinstance(kind, GraphQLEnumType):
            return list(kind.values)
        known = {
            "first": [str(PAGE)] if "after" in field.args else ["10"],
            "after": ["$after"],
            "id": quoted([one for one, kind in self.kinds.items() if kind == "Post"]),
            "ids": [f"[{', '.join(quoted(list(self.kinds)[:90]))}]"],
            "handle": quoted(self.handles),
            "userId": quoted(self.targets),
            "maxDepth": ["4"],
        }
        assert argument in known, f"{name}({argument}:) is new: say here what to put in"
        return known[argument]


def quoted(texts: Iterator[str] | Sequence[str] | Mapping[str, str]) -> list[str]:
    """Return texts as GraphQL writes them."""
    return [f'"{text}"' for text in texts]


class Catalogue:
    """The object types that queries can reach, and how to ask for all that they hold."""

    def __init__(self, schema: GraphQLSchema) -> None:
        assert schema.query_type is not None
        self.query = schema.query_type
        self.schema = schema
        self.kinds: dict[str, Kind] = {}
        waiting = [self.query]
        while waiting:
            kind = waiting.pop()
            if kind.name not in self.kinds:
                self.kinds[kind.name] = kind
                waiting += [one for field in kind.fields.values() for one in self._held_by(field)]
        self.entities = {name: kind for name, kind in self.kinds.items() if is_entity(kind)}

    def shown(self, field: GraphQLField) -> str:
        """Return a selection for what a field holds: down to entities, of which all values are asked for."""
        named = get_named_type(field.type)
        if is_leaf_type(named):
            return ""
        if not isinstance(named, Kind):
            return "{ __typename " + " ".join(self._apart(kind) for kind in self.entities.values()) + " }"
        inner = "" if is_entity(named) else self.inside(named)
        return f"{{ __typename {' '.join(leaves(named))} {inner} }}"

    def inside(self, kind: Kind) -> str:
        """Return a selection of the objects that a type holds, as far as they can be had without arguments."""
        return " ".join(
            f"{name} {self.shown(field)}"
            for name, field in kind.fields.items()
            if not is_leaf_type(get_named_type(field.type)) and not field.args
        )

    def paths(self, ways: Ways, moments: random.Random) -> Iterator[str]:
        """Yield documents without end: ways from the root as deep as is allowed, chosen by `moments`."""
        while True:
            yield f"{{ {self._path(self.query, ways, moments, 1)} }}"

    def _path(self, kind: Kind, ways: Ways, moments: random.Random, depth: int) -> str:
        fields = {
            name: field
            for name, field in kind.fields.items()
            if not is_leaf_type(get_named_type(field.type)) and name != "pageInfo"
        }
        if depth >= DEEPEST or not fields:
            return " ".join(["__typename", *leaves(kind)])
        name = moments.choice(sorted(fields))
        named = get_named_type(fields[name].type)
        own = "id handle" if kind.name == "User" else "id" if is_entity(kind) else ""
        if isinstance(named, Kind):
            call = moments.choice(ways.calls(name, fields[name])).replace(", after: $after", "")
            return f"{own} {call} {{ {self._path(named, ways, moments, depth + 1)} }}"
        start = moments.choice(list(ways.kinds))
        inner = self._path(self.kinds[ways.kinds[start]], ways, moments, depth + 1)
        call = f'node(id: "{start}")' if name == "node" else f'nodes(ids: ["{start}"])'
        return f"{call} {{ ... on {ways.kinds[start]} {{ {inner} }} }}"

    def _held_by(self, field: GraphQLField) -> Sequence[Kind]:
        named = get_named_type(field.type)
        if named.name == NODE:
            return self.schema.get_possible_types(named)  # type: ignore[arg-type] # it is the interface
        return [named] if isinstance(named, Kind) else []

    def _apart(self, kind: Kind) -> str:
        """Return the values of a type under names of their own: two types may give one name different types."""
        values = " ".join(f"{kind.name}_{name}: {name}" for name in leaves(kind) if name != "id")
        return f"... on {kind.name} {{ id {values} }}"


def called(name: str, field: GraphQLField, text: str) -> str:
    """Return a field with a text for each argument that it needs."""
    needed = [
        f'{key}: ["{text}"]' if key == "ids" else f'{key}: "{text}"'
        for key, given in field.args.items()
        if is_needed(given)
    ]
    return f"{name}({', '.join(needed)})" if needed else name


def is_entity(kind: Kind) -> bool:
    """Return whether a type implements Node."""
    return any(interface.name == NODE for interface in kind.interfaces)


def leaves(kind: Kind) -> list[str]:
    """Return the fields of a type that hold values and can be asked for without arguments."""
    return [
        name
        for name, field in kind.fields.items()
        if is_leaf_type(get_named_type(field.type)) and not any(map(is_needed, field.args.values()))
    ]


def is_needed(argument: GraphQLArgument) -> bool:
    """Return whether an argument must be given."""
    return is_required_argument(argument)
