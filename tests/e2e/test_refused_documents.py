"""Q1 to Q8: what asks for too much, or for what is not there, gets its typed error before anything runs."""

from typing import Any

import pytest

from tests.e2e.nova import Nova, Person

STRICT = "application/graphql-response+json"


def replies(depth: int) -> str:
    """Return a document of this depth: replies to replies."""
    names = [
        'post(id: "none")',
        "comments(first: 2)",
        "edges",
        "node",
        *["replies(first: 2)", "edges", "node"] * 3,
    ]
    return "{ " + " { ".join([*names[: depth - 1], "__typename"]) + " }" * depth


def home_page(page_infos: int) -> str:
    """Return a document that costs 992 and one for each `pageInfo`."""
    beside = " ".join(f"p{number}: pageInfo {{ hasNextPage }}" for number in range(page_infos))
    authors = " ".join(f"a{number}: author {{ id }}" for number in range(5))
    node = f"node {{ author {{ id }} media {{ id }} {authors} }} why {{ contributions {{ name }} }}"
    return f"{{ homeFeed(first: 99) {{ {beside} edges {{ {node} }} }} }}"


def lists(count: int) -> str:
    """Return a document that needs four calls for the viewer and those listed, and one for each list."""
    names = [f"f{number}: followers(first: 1) {{ edges {{ cursor }} }}" for number in range(count)]
    return f"{{ viewer {{ user {{ {' '.join(names)} }} }} }}"


def aliases(count: int) -> str:
    return "{ " + " ".join(f"a{number}: __typename" for number in range(count)) + " }"


def feed(page: str) -> str:
    return f"{{ homeFeed({page}) {{ edges {{ cursor }} }} }}"


DOUBLING = " ".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(30))

REFUSED: dict[str, tuple[str, str]] = {
    "q1_depth_11": (replies(11), "QUERY_TOO_DEEP"),
    "q1_cost_1001": (home_page(9), "QUERY_TOO_COMPLEX"),
    "q1_eleven_calls": (lists(7), "BACKEND_BUDGET_EXCEEDED"),
    "q2_101_aliases": (aliases(101), "QUERY_TOO_COMPLEX"),
    "q2_1000_aliases": (aliases(1000), "QUERY_TOO_COMPLEX"),
    "q2_20000_aliases": (aliases(20_000), "QUERY_TOO_COMPLEX"),
    "q2_same_named_fields": ("{ " + "__typename " * 1000 + "}", "QUERY_TOO_COMPLEX"),
    "q2_directives": ("{ __typename " + "@include(if: true) " * 300 + "}", "QUERY_TOO_COMPLEX"),
    "q2_a_fragment_cycle": (
        "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }",
        "BAD_USER_INPUT",
    ),
    "q2_a_fragment_of_itself": ("{ ...a } fragment a on Query { ...a }", "BAD_USER_INPUT"),
    "q2_fragments_that_double": (
        f"{{ ...f0 }} {DOUBLING} fragment f30 on Query {{ __typename }}",
        "QUERY_TOO_COMPLEX",
    ),
    "q2_nested_literals": (f"{{ nodes(ids: {'[' * 500}{']' * 500}) {{ id }} }}", "BAD_USER_INPUT"),
    "q5_first_101": (feed("first: 101"), "BAD_USER_INPUT"),
    "q5_first_a_million": (feed("first: 1000000"), "BAD_USER_INPUT"),
    "q5_first_0": (feed("first: 0"), "BAD_USER_INPUT"),
    "q5_first_below_0": (feed("first: -1"), "BAD_USER_INPUT"),
    "q5_first_null": (feed("first: null"), "BAD_USER_INPUT"),
    "q5_first_beyond_32_bits": (feed("first: 99999999999"), "BAD_USER_INPUT"),
    "q5_5000_ids": (f"{{ nodes(ids: [{'1,' * 5000}]) {{ id }} }}", "QUERY_TOO_COMPLEX"),
    "q5_101_ids": (f"{{ nodes(ids: [{'1,' * 101}]) {{ id }} }}", "BAD_USER_INPUT"),
    "q7_a_broken_cursor": (feed('after: "broken"'), "BAD_USER_INPUT"),
    "q7_a_cursor_of_other_letters": (feed('after: "é世界"'), "BAD_USER_INPUT"),
    "no_such_field": ("{ viewer { passwordHash } }", "BAD_USER_INPUT"),
    "no_such_argument": (feed("frist: 1"), "BAD_USER_INPUT"),
    "no_graphql": ("{ viewer {", "BAD_USER_INPUT"),
}


@pytest.fixture(scope="module")
async def reader(nova: Nova) -> Person:
    person = await nova.newcomer("reader")
    for number in range(3):
        await nova.publish(person, f"number {number}")
    return person


@pytest.mark.parametrize("name", REFUSED)
async def test_it_is_refused_with_its_code_and_nothing_runs(nova: Nova, reader: Person, name: str) -> None:
    document, code = REFUSED[name]
    response = await nova.post(document, by=reader, accept=STRICT)
    answer = response.json()
    assert response.status_code in {200, 400}, response.text
    assert {error["extensions"]["code"] for error in answer["errors"]} == {code}, answer
    assert all(error["extensions"]["requestId"] for error in answer["errors"])
    assert not any((answer.get("data") or {}).values())
    assert answer.get("extensions", {}).get("cost", {}).get("backendCalls", 0) == 0


@pytest.mark.parametrize(
    ("document", "cost"),
    [
        (replies(10), {"depth": 10}),
        (home_page(8), {"complexity": 1000}),
        (lists(6), {}),
        (aliases(100), {}),
        (feed("first: 100"), {}),
    ],
)
async def test_q1_what_is_just_allowed_runs(
    nova: Nova, reader: Person, document: str, cost: dict[str, int]
) -> None:
    answer = await nova.ask(document, by=reader)
    assert "errors" not in answer, answer
    assert answer["extensions"]["cost"].items() >= cost.items()


async def test_q1_the_refusal_names_the_field_that_costs_too_much(nova: Nova, reader: Person) -> None:
    deep = "{ homeFeed(first: 100) { edges { node { comments(first: 100) { edges { node { id } } } } } } }"
    answer = await nova.ask(deep, by=reader)
    assert answer.code == "QUERY_TOO_COMPLEX"
    assert "homeFeed.edges.node.comments" in answer["errors"][0]["message"]


async def test_q7_a_cursor_is_of_one_list_one_viewer_and_unchanged(nova: Nova, reader: Person) -> None:
    other = await nova.newcomer("other")
    page = "query($after: String) { homeFeed(after: $after, mode: FOLLOWING) { edges { cursor } } }"
    posts = (
        "query($after: String) { viewer { user { posts(first: 1, after: $after) { edges { cursor } } } } }"
    )

    async def asked(document: str, by: Person, **variables: Any) -> Any:
        return await nova.ask(document, variables, by=by)

    listed = (await asked(posts, reader)).data["viewer"]["user"]["posts"]["edges"][0]["cursor"]
    assert (await asked(posts, reader, after=listed)).data
    assert (await asked(page, reader, after=listed)).code == "BAD_USER_INPUT"
    assert (await asked(posts, other, after=listed)).code == "BAD_USER_INPUT"
    for place in (0, len(listed) // 2, len(listed) - 1):
        changed = listed[:place] + ("A" if listed[place] != "A" else "B") + listed[place + 1 :]
        assert (await asked(posts, reader, after=changed)).code == "BAD_USER_INPUT"


async def test_q6_an_unknown_hash_and_a_mismatched_one_are_typed(nova: Nova, reader: Person) -> None:
    persisted = {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}
    headers = {"Authorization": f"Bearer {reader.token}"}
    unknown = await nova.http.post("/graphql", json={"extensions": persisted}, headers=headers)
    assert unknown.json()["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    body = {"query": "{ __typename }", "extensions": persisted}
    mismatched = await nova.http.post("/graphql", json=body, headers=headers)
    assert mismatched.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_q3_an_array_of_requests_is_no_request(nova: Nova, reader: Person) -> None:
    answer = await nova.http.post("/graphql", json=[{"query": "{ __typename }"}] * 2)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
