"""The plan is made before the first call, and holds: no operation makes more calls than it said."""

import pytest
from graphql import (
    GraphQLInputObjectType,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
)

from nova.api.content.v1.content_pb2_grpc import ContentServiceServicer
from nova.api.feed.v1.feed_pb2_grpc import FeedServiceServicer
from nova.api.graph.v1.graph_pb2_grpc import GraphServiceServicer
from nova.api.identity.v1.identity_pb2_grpc import IdentityServiceServicer
from nova.api.social.v1.social_pb2_grpc import SocialServiceServicer
from nova.api.user.v1.user_pb2_grpc import UserServiceServicer
from nova.gateway.documents import Documents
from nova.gateway.errors import BackendBudgetExceeded, QueryTooComplex
from nova.gateway.global_ids import Kind, encode
from nova.gateway.limits import Limits
from nova.gateway.schema.root import build_schema
from nova.gateway.uses import EDGES, SchemaFacts
from nova.policy.relations import Relation
from tests.unit.gateway.edge import Edge
from tests.unit.gateway.test_home_feed import HOME
from tests.unit.gateway.town import Town

SCHEMA = build_schema()
SERVICERS = {
    "identity": IdentityServiceServicer,
    "user": UserServiceServicer,
    "graph": GraphServiceServicer,
    "content": ContentServiceServicer,
    "social": SocialServiceServicer,
    "feed": FeedServiceServicer,
}
THREADS = """{ homeFeed(first: 2) { edges { node { comments(first: 2) {
  edges { node { author { handle } replies(first: 2) { edges { node { text } } } } } } } } } }"""
POSTS = "{ edges { node { likeCount author { handle } } } }"
QUERIES = {
    "home": (HOME, 10),
    "person": ('{ user(handle: "bob") { handle followerCount postCount viewerFollows } }', 5),
    "two people": ('{ a: user(handle: "bob") { handle } b: user(handle: "eve") { handle } }', 3),
    "posts of one": (
        '{ user(handle: "bob") { posts(first: 5) { edges { node { likeCount author { handle } } } } } }',
        5,
    ),
    "followers": (
        "{ viewer { user { followers(first: 3) { edges { node { handle followerCount } } } } } }",
        6,
    ),
    "threads": (THREADS, 6),
    "account": ("{ viewer { email roles permissions settings { language } user { handle } } }", 4),
}


@pytest.fixture
def full(town: Town, ada: bytes, bob: bytes, eve: bytes) -> Town:
    for author in (bob, eve):
        post = town.post(author)
        comment = town.comment(post, ada)
        town.comment(post, bob, parent=comment)
    town.relations[bob, ada] = Relation.FOLLOWS
    return town


@pytest.mark.parametrize("name", QUERIES)
async def test_the_plan_holds(gate: Edge, full: Town, ada: bytes, name: str) -> None:
    query, expected = QUERIES[name]
    documents = Documents(SCHEMA, limits=Limits(), introspection=True)
    planned = documents.price(documents.read(query).operation(None), {}).plan.calls
    assert planned == expected
    answer = (await gate.ask(query, viewer=ada)).json()
    assert "errors" not in answer
    assert answer["extensions"]["cost"]["backendCalls"] == sum(full.calls.values()) <= planned


async def test_nodes_of_all_kinds_come_together(gate: Edge, full: Town, ada: bytes, bob: bytes) -> None:
    post, comment = next(iter(full.posts)), next(iter(full.comments))
    ids = [
        encode(Kind.USER, bob),
        encode(Kind.POST, post),
        encode(Kind.MEDIA, post, 0),
        encode(Kind.MEDIA, post, 9),
        encode(Kind.COMMENT, comment),
        encode(Kind.STORY, full.story(bob)),
    ]
    query = """query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id
      ... on Post { author { handle } likeCount } ... on Comment { author { handle } } } }"""
    answer = (await gate.ask(query, viewer=ada, variables={"ids": ids})).json()
    found = answer["data"]["nodes"]
    assert [node and node["__typename"] for node in found] == [
        "User",
        "Post",
        "Media",
        None,
        "Comment",
        "Story",
    ]
    assert [node["id"] for node in found if node] == [one for one in ids if one != ids[3]]
    assert answer["extensions"]["cost"]["backendCalls"] <= 8


def test_every_call_that_a_field_says_it_makes_exists() -> None:
    document_free = _Anything()
    for type_name, name, known in SchemaFacts(SCHEMA).fields():
        for stage in known.facts.stages(document_free):
            for rpc in stage:
                room, _, method = rpc.method.partition(".")
                assert hasattr(SERVICERS[room], method), f"{type_name}.{name} says {rpc.method}"


class _Anything:
    """A use that asks for everything there is."""

    size = 1

    @property
    def arguments(self) -> dict[str, object]:
        return {"maxDepth": 4}

    def selects(self, *path: str) -> bool:
        return True


def test_q1_every_list_below_which_there_is_more_is_priced_by_its_length() -> None:
    facts = SchemaFacts(SCHEMA)
    unpriced = []
    for kind in SCHEMA.type_map.values():
        for name, field in getattr(kind, "fields", {}).items():
            known = None if isinstance(kind, GraphQLInputObjectType) else facts.field(kind.name, name)
            if known is None or name == EDGES or not is_list_type(get_nullable_type(field.type)):
                continue
            if known.facts.page is None and holds_objects(known.type_name):
                unpriced.append(f"{kind.name}.{name}")
    assert unpriced == []


def holds_objects(type_name: str) -> bool:
    fields = getattr(SCHEMA.type_map[type_name], "fields", {})
    return any(is_composite_type(get_named_type(field.type)) for field in fields.values())


LIST = "(first: 2) { edges { cursor } }"
NESTED = {
    "{ viewer { user { stories { author { stories { author { stories { id } } } } } } } }": QueryTooComplex,
    f"{{ viewer {{ user {{ stories {{ author {{ followers{LIST} }} }} }} }} }}": BackendBudgetExceeded,
    f'{{ viewer {{ user {{ pathTo(userId: "x") {{ following{LIST} }} }} }} }}': BackendBudgetExceeded,
}


@pytest.mark.parametrize(("query", "refusal"), NESTED.items())
def test_q1_lists_in_lists_are_refused_before_anything_runs(query: str, refusal: type[Exception]) -> None:
    documents = Documents(SCHEMA, limits=Limits(), introspection=True)
    with pytest.raises(refusal):
        documents.price(documents.read(query).operation(None), {})
