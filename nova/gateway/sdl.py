"""The schema as text: `python -m nova.gateway.sdl` writes it, and what clients were promised is compared with it."""

import re
from pathlib import Path
from typing import Final

from graphql import GraphQLEnumType, GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema, build_schema
from graphql.utilities import BreakingChange, find_breaking_changes

from nova.gateway.schema.root import strawberry_schema

SCHEMA: Final = Path(__file__).with_name("schema.graphql")
RELEASED: Final = Path(__file__).with_name("schema.released.graphql")
"""The schema of the last release; there is none before the first."""

_REMOVED: Final = re.compile(r"(?P<type>\w+)\.(?P<name>\w+) was removed")


def sdl() -> str:
    """Return the schema of the code."""
    return strawberry_schema().as_str().rstrip() + "\n"


def breaking_changes(released: str, current: str) -> list[str]:
    """Return what would break clients of `released`, save what was deprecated there."""
    old = build_schema(released)
    changes = find_breaking_changes(old, build_schema(current))
    return [change.description for change in changes if not _announced(change, old)]


def _announced(change: BreakingChange, old: GraphQLSchema) -> bool:
    """Return whether the change takes away what was deprecated, or a scalar that nothing needs any more."""
    if change.description.startswith("Standard scalar"):
        return True
    named = _REMOVED.search(change.description)
    if named is None:
        return False
    kind, name = old.type_map.get(named["type"]), named["name"]
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and name in kind.fields:
        return kind.fields[name].deprecation_reason is not None
    if isinstance(kind, GraphQLEnumType) and name in kind.values:
        return kind.values[name].deprecation_reason is not None
    return False


def main() -> None:
    """Write the schema of the code beside it."""
    SCHEMA.write_text(sdl())


if __name__ == "__main__":
    main()
