"""The schema is a promise: it is committed, and it does not break what it once said."""

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType

from nova.gateway.schema.root import build_schema
from nova.gateway.sdl import RELEASED, SCHEMA, breaking_changes, sdl

OLD = """
type Query { post(id: ID!): Post  old: String @deprecated(reason: "Use post.") }
type Post { id: ID!  likes: Int! @deprecated(reason: "Use likeCount.")  caption: String! }
enum Kind { A B @deprecated(reason: "Use A.") }
"""


def test_the_committed_schema_is_that_of_the_code() -> None:
    assert SCHEMA.read_text() == sdl(), "run `make schema`"


def test_nothing_that_was_released_breaks() -> None:
    if RELEASED.exists():
        assert breaking_changes(RELEASED.read_text(), sdl()) == []


@pytest.mark.parametrize(
    ("before", "after", "broken"),
    [
        ("caption: String!", "", True),
        ("caption: String!", "caption: Int!", True),
        ("post(id: ID!)", "post(id: ID!, size: Int!)", True),
        ("enum Kind { A ", "enum Kind { ", True),
        ('likes: Int! @deprecated(reason: "Use likeCount.")', "", False),
        ('old: String @deprecated(reason: "Use post.")', "", False),
        (' B @deprecated(reason: "Use A.")', "", False),
        ("caption: String!", "caption: String!  title: String", False),
    ],
)
def test_a_breaking_change_is_found_unless_it_was_announced(before: str, after: str, broken: bool) -> None:
    assert before in OLD
    assert bool(breaking_changes(OLD, OLD.replace(before, after))) == broken


def test_every_mutation_keeps_the_form() -> None:
    schema = build_schema()
    assert schema.mutation_type is not None
    for name, field in schema.mutation_type.fields.items():
        verb = name[0].upper() + name[1:]
        assert str(field.args["input"].type) == f"{verb}Input!"
        assert str(field.type) == f"{verb}Payload!"
        payload = schema.type_map[f"{verb}Payload"]
        assert isinstance(payload, GraphQLObjectType)
        assert str(payload.fields["userErrors"].type) == "[UserError!]!"
        taken = schema.type_map[f"{verb}Input"]
        assert isinstance(taken, GraphQLInputObjectType)
        assert "idempotencyKey" in taken.fields


def test_every_connection_keeps_the_form() -> None:
    for name, kind in build_schema().type_map.items():
        if isinstance(kind, GraphQLObjectType):
            for field in kind.fields.values():
                if str(field.type).rstrip("!").endswith("Connection"):
                    assert {"first", "after"} <= field.args.keys(), name
