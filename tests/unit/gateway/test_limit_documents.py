"""Q1, Q2, Q4, Q5: what is refused before it costs anything, and what it is called."""

from collections.abc import Callable

import pytest
from graphql import Lexer, Source, TokenKind, get_introspection_query

from nova.gateway.cost import cost
from nova.gateway.documents import Documents
from nova.gateway.errors import code_of
from nova.gateway.limits import Limits
from nova.gateway.schema.root import build_schema
from nova.platform.errors import NovaError
from tests.unit.gateway.edge import Edge
from tests.unit.gateway.test_home_feed import HOME
from tests.unit.gateway.town import Town

SCHEMA = build_schema()
LEVEL = "followers(first: 1) { edges { node { "


@pytest.fixture
def documents() -> Documents:
    return Documents(SCHEMA, limits=Limits(), introspection=True)


def refusal(documents: Documents, text: str, **variables: object) -> NovaError:
    """Return the error of a document that must be refused."""
    with pytest.raises(NovaError) as caught:
        documents.price(documents.read(text).operation(None), variables)
    return caught.value


def priced(documents: Documents, text: str, **variables: object) -> int:
    return documents.price(documents.read(text).operation(None), variables).cost


def nested(levels: int) -> str:
    """Return a document of `levels` fields, one in the other."""
    fields = ["viewer", "user", *(["followers", "edges", "node"] * 6)][: levels - 1]
    return "{ " + " { ".join([*fields, "__typename"]) + " }" * levels


def test_q1_depth_10_runs_and_depth_11_is_refused(documents: Documents) -> None:
    assert documents.read(nested(10)).operation(None).size.depth == 10
    assert refusal(documents, nested(11)).reason == "QUERY_TOO_DEEP"


def test_q1_depth_counts_through_fragments(documents: Documents) -> None:
    text = (
        "{ viewer { user { ...A } } } "
        "fragment A on User { followers { edges { node { ...B } } } } "
        "fragment B on User { followers { edges { node { posts { edges { cursor } } } } } }"
    )
    assert refusal(documents, text).reason == "QUERY_TOO_DEEP"


def test_q1_a_cost_above_1000_is_refused_and_names_the_field(documents: Documents) -> None:
    text = "{ homeFeed(first: 100) { edges { node { comments(first: 100) { edges { node { text } } } } } } }"
    error = refusal(documents, text)
    assert error.reason == "QUERY_TOO_COMPLEX"
    assert "homeFeed.edges.node.comments" in error.message


def test_q1_the_thousandth_runs_and_the_next_does_not(documents: Documents) -> None:
    operation = documents.read("{ homeFeed(first: 99) { edges { node { author { id } } } } }").operation(None)
    price = cost(operation.roots, {}, 1000)
    assert price == 200
    assert cost(operation.roots, {}, price) == price
    with pytest.raises(NovaError):
        cost(operation.roots, {}, price - 1)


def test_cost_is_page_product_times_pages(documents: Documents) -> None:
    assert priced(documents, "{ viewer { email } }") == 1
    # homeFeed, edges, pageInfo: 1 each; node and author: 10 x 1 each.
    text = "{ homeFeed(first: 10) { pageInfo { endCursor } edges { node { author { id } } } } }"
    assert priced(documents, text) == 23
    # comments: 10 x 1; its edges: 10 x 1; its node: 10 x 3 x 2.
    text = "{ homeFeed(first: 10) { edges { node { comments(first: 3) { edges { node { id } } } } } } }"
    assert priced(documents, text) == 2 + 10 + 10 + 10 + 60


def test_cost_follows_variables_and_defaults(documents: Documents) -> None:
    text = "query ($n: Int) { homeFeed(first: $n) { edges { node { id } } } }"
    assert priced(documents, text, n=50) == 52
    assert priced(documents, text) == 22
    text = "query ($n: Int = 7) { homeFeed(first: $n) { edges { node { id } } } }"
    assert priced(documents, text) == 9


def test_cost_counts_a_fragment_at_each_of_its_uses(documents: Documents) -> None:
    text = (
        "{ a: homeFeed(first: 10) { ...F } b: homeFeed(first: 20) { ...F } } "
        "fragment F on FeedConnection { edges { node { id } } }"
    )
    assert priced(documents, text) == 4 + 30


def test_the_home_page_costs_less_than_500(documents: Documents) -> None:
    assert priced(documents, HOME, first=20) < 500


def test_q1_eleven_calls_are_refused_before_the_first(documents: Documents) -> None:
    text = (
        "{ "
        + " ".join(f"f{n}: homeFeed(first: {n}) {{ pageInfo {{ endCursor }} }}" for n in range(1, 12))
        + " }"
    )
    assert refusal(documents, text).reason == "BACKEND_BUDGET_EXCEEDED"


async def test_q1_a_list_for_each_of_many_is_refused_and_nothing_is_asked(
    gate: Edge, town: Town, ada: bytes
) -> None:
    text = "{ homeFeed(first: 11) { edges { node { likers(first: 1) { edges { node { id } } } } } } }"
    assert await gate.code(text, viewer=ada) == "BACKEND_BUDGET_EXCEEDED"
    assert not town.calls


def test_q3_every_field_of_a_mutation_counts_by_itself(documents: Documents) -> None:
    likes = " ".join(f'm{n}: likePost(input: {{postId: "x"}}) {{ userErrors {{ code }} }}' for n in range(11))
    assert refusal(documents, f"mutation {{ {likes} }}").reason == "BACKEND_BUDGET_EXCEEDED"


DOUBLING = "{ ...F0 } " + " ".join(
    f"fragment F{n} on Query {{ a{n}: viewer {{ email }} ...F{n + 1} ...F{n + 1} }}" for n in range(40)
)
HOSTILE = {
    "20,000 aliases": "{ " + " ".join(f"a{n}: viewer {{ email }}" for n in range(20_000)) + " }",
    "1,000 aliases": "{ " + " ".join(f"a{n}: __typename" for n in range(1_000)) + " }",
    "500,000 tokens": "{" + " a" * 500_000 + " }",
    "1,000 same-named fields": "{" + " __typename" * 1_000 + " }",
    "5,000 directives": "{ __typename " + "@a " * 5_000 + "}",
    "200 directives": "{ __typename " + "@skip(if: false) " * 200 + "}",
    "doubling fragments": DOUBLING + " fragment F40 on Query { __typename }",
    "deep braces": "{ a" * 900,
    "deep lists": "{ user(handle: " + "[" * 900,
    "deep objects": "{ user(handle: " + "{a: " * 600,
    "many operations": " ".join(f"query Q{n} {{ __typename }}" for n in range(200)),
    "many fragments": "{ __typename } " + " ".join(f"fragment F{n} on Query {{ a }}" for n in range(100)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_q2_hostile_documents_are_refused_before_they_are_validated(
    documents: Documents, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nova.gateway.documents.Validator.check", None)
    assert code_of(refusal(documents, HOSTILE[name])) in {
        "QUERY_TOO_COMPLEX",
        "QUERY_TOO_DEEP",
        "BAD_USER_INPUT",
    }


def test_tokens_are_counted_as_the_parser_counts_them(documents: Documents) -> None:
    caption = " ".join(["word"] * 3_000)
    text = f'''mutation {{ # {caption}
      a: createPost(input: {{ caption: """{caption} \\""" " done""" }}) {{ userErrors {{ code }} }}
      b: createPost(input: {{ caption: "{caption} \\" done" }}) {{ userErrors {{ code }} }} }}'''
    lexer = Lexer(Source(text))
    count = 0
    while lexer.advance().kind is not TokenKind.EOF:
        count += 1
    assert documents.read(text).tokens == count
    for count, refused in ((1_998, False), (1_999, True)):
        error = refusal(documents, "{" + " a" * count + "}")
        assert ("tokens" in error.message) == refused


def test_q2_fragment_cycles_are_refused(documents: Documents) -> None:
    text = "{ viewer { user { ...A } } } fragment A on User { id ...B } fragment B on User { ...A }"
    assert refusal(documents, text).reason == "INVALID_DOCUMENT"
    assert refusal(documents, "{ ...A } fragment A on Query { ...A }").reason == "INVALID_DOCUMENT"


@pytest.mark.parametrize("first", ["101", "1000000", "-1", "0", "null"])
def test_q5_a_page_has_1_to_100_entries(documents: Documents, first: str) -> None:
    error = refusal(documents, f"{{ homeFeed(first: {first}) {{ pageInfo {{ endCursor }} }} }}")
    assert code_of(error) == "BAD_USER_INPUT"


def test_q5_a_list_of_ids_has_100_at_most(documents: Documents) -> None:
    ids = ["x"] * 101
    error = refusal(documents, "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)
    assert code_of(error) == "BAD_USER_INPUT"


def test_q5_nested_literals_are_bad_input_and_not_depth(documents: Documents) -> None:
    assert code_of(refusal(documents, HOSTILE["deep lists"])) == "BAD_USER_INPUT"
    assert code_of(refusal(documents, HOSTILE["deep objects"])) == "BAD_USER_INPUT"
    assert refusal(documents, HOSTILE["deep braces"]).reason == "QUERY_TOO_DEEP"


@pytest.mark.parametrize(
    ("most", "document"),
    [
        (400, lambda count: "{ nodes(ids: [" + "1 " * (count - 1) + "]) { id } }"),
        (100, lambda count: "query (" + " ".join(f"$v{n}: Int" for n in range(count)) + ") { __typename }"),
        (300, lambda count: "{ " + " ".join(f"f{n}" for n in range(count)) + " }"),
    ],
    ids=["values", "variables", "fields"],
)
def test_q2_what_is_counted_while_it_is_read(
    documents: Documents, most: int, document: Callable[[int], str]
) -> None:
    assert refusal(documents, document(most)).reason != "QUERY_TOO_COMPLEX"
    assert refusal(documents, document(most + 1)).reason == "QUERY_TOO_COMPLEX"


def test_q2_fields_are_counted_over_all_operations(documents: Documents) -> None:
    def text(count: int) -> str:
        queries = " ".join(f"query Q{n} {{ ...F }}" for n in range(count))
        return queries + " fragment F on Query { viewer { user { " + "id " * 8 + "} } }"

    assert len(documents.read(text(20)).operations) == 20
    many = text(20).replace("id " * 8, "id handle bio createdAt " * 4)
    assert refusal(documents, many).reason == "QUERY_TOO_COMPLEX"


def test_q2_a_text_of_many_lines_is_refused(documents: Documents) -> None:
    text = 'mutation { createPost(input: { caption: """' + "\n" * 2_000 + '""" }) { post { id } } }'
    assert refusal(documents, text).reason == "QUERY_TOO_COMPLEX"


def test_introspection_runs_in_full(documents: Documents) -> None:
    assert priced(documents, get_introspection_query(input_value_deprecation=True)) <= 1000


def test_introspection_is_bounded(documents: Documents) -> None:
    many = "{ " + " ".join(f"s{n}: __schema {{ types {{ name }} }}" for n in range(5)) + " }"
    assert refusal(documents, many).reason == "QUERY_TOO_COMPLEX"
    deep = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"
    assert refusal(documents, deep).reason == "INVALID_DOCUMENT"


def test_q4_without_introspection_there_are_no_hints() -> None:
    documents = Documents(SCHEMA, limits=Limits(), introspection=False)
    assert refusal(documents, "{ __schema { types { name } } }").reason == "INVALID_DOCUMENT"
    with pytest.raises(NovaError) as caught:
        documents.read("{ viewr { email } }")
    assert "Did you mean" not in str(caught.value.__dict__["errors"])
    with pytest.raises(NovaError) as caught:
        Documents(SCHEMA, limits=Limits(), introspection=True).read("{ viewr { email } }")
    assert "Did you mean" in str(caught.value.__dict__["errors"])


def test_documents_are_read_once_and_bounded(documents: Documents) -> None:
    assert documents.read("{ __typename }") is documents.read("{ __typename }")
    for number in range(1_200):
        documents.read(f"query Q{number} {{ __typename }}")
    assert len(documents) <= 1_000


def test_an_operation_is_chosen_by_name(documents: Documents) -> None:
    document = documents.read("query A { __typename } query B { viewer { email } }")
    assert document.operation("B").name == "B"
    for name in (None, "C"):
        with pytest.raises(NovaError):
            document.operation(name)
