"""What a mutation tells: what the caller can mend in its payload, all else in `errors`."""

import pytest

from nova.gateway.global_ids import Kind, encode
from nova.policy.relations import Relation
from tests.unit.gateway.edge import Edge
from tests.unit.gateway.town import PASSWORD, Town

CREATE = """mutation ($input: CreatePostInput!) { createPost(input: $input) {
  post { id caption contentType author { handle } media { kind url } } userErrors { code field message } } }"""
SIGN_IN = """mutation ($login: String!, $password: String!) {
  signIn(input: {login: $login, password: $password}) {
    tokens { accessToken refreshToken expiresIn } viewer { email user { handle } } userErrors { code } } }"""


async def test_create_post_returns_the_post(gate: Edge, ada: bytes) -> None:
    variables = {"input": {"caption": "Hello", "mediaUrls": ["/media/a.webp"], "tags": ["a", "b"]}}
    payload = (await gate.data(CREATE, viewer=ada, variables=variables))["createPost"]
    assert payload["userErrors"] == []
    assert payload["post"]["contentType"] == "IMAGE"
    assert payload["post"]["author"] == {"handle": "ada"}
    assert payload["post"]["media"] == [{"kind": "IMAGE", "url": "/media/a.webp"}]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"caption": "x" * 2001}, "caption"),
        ({"caption": "é" * 2001}, "caption"),
        ({"caption": "👩‍👩‍👧" * 401}, "caption"),
        ({"caption": "turn \u202e me"}, "caption"),
        ({"mediaUrls": ["https://example.com/a.png"] * 11}, "mediaUrls"),
        ({"mediaUrls": ["javascript:alert(1)"]}, "mediaUrls"),
        ({"tags": ["t"] * 31}, "tags"),
        ({"tags": ["with-dash"]}, "tags"),
        ({"tags": ["line\n"]}, "tags"),
        ({"audience": "CHOSEN"}, "audienceUserIds"),
        ({"idempotencyKey": "é"}, "idempotencyKey"),
    ],
)
async def test_q10_input_rules_hold_at_the_gateway(
    gate: Edge, town: Town, ada: bytes, given: dict[str, object], field: str
) -> None:
    payload = (await gate.data(CREATE, viewer=ada, variables={"input": given}))["createPost"]
    assert payload["post"] is None
    assert [error["field"] for error in payload["userErrors"]] == [[field]]
    assert not town.calls["content.CreatePost"]


async def test_a3_unknown_input_fields_are_errors(gate: Edge, ada: bytes) -> None:
    assert await gate.code(CREATE, viewer=ada, variables={"input": {"captoin": "x"}}) == "BAD_USER_INPUT"


async def test_the_idempotency_key_reaches_the_room(gate: Edge, town: Town, ada: bytes) -> None:
    variables = {"input": {"caption": "x", "idempotencyKey": "key-1"}}
    await gate.data(CREATE, viewer=ada, variables=variables)
    assert town.keys == ["key-1"]
    assert await gate.code(CREATE, viewer=ada, variables=variables) == "IDEMPOTENCY_CONFLICT"


async def test_a_like_is_seen_in_its_own_answer(gate: Edge, town: Town, ada: bytes, bob: bytes) -> None:
    post = encode(Kind.POST, town.post(bob))
    text = """mutation ($id: ID!) {
      likePost(input: {postId: $id}) { post { likeCount viewerHasLiked author { handle } } } }"""
    payload = (await gate.data(text, viewer=ada, variables={"id": post}))["likePost"]
    assert payload["post"] == {"likeCount": 1, "viewerHasLiked": True, "author": {"handle": "bob"}}
    assert not town.calls["social.GetPostStates"]


async def test_what_one_mutation_changes_the_next_one_sees(
    gate: Edge, town: Town, ada: bytes, bob: bytes
) -> None:
    user = encode(Kind.USER, bob)
    text = """mutation ($id: ID!) {
      followUser(input: {userId: $id}) { state user { viewerFollows } }
      blockUser(input: {userId: $id}) { user { handle viewerFollows viewerBlocks } } }"""
    answer = await gate.data(text, viewer=ada, variables={"id": user})
    assert answer["followUser"] == {"state": "FOLLOWING", "user": {"viewerFollows": True}}
    assert answer["blockUser"]["user"] == {"handle": "bob", "viewerFollows": False, "viewerBlocks": True}
    assert town.relations[ada, bob] == Relation.BLOCKS


async def test_a_profile_is_seen_as_it_was_changed(gate: Edge, ada: bytes) -> None:
    query = "{ viewer { user { displayName bio } } }"
    await gate.data(query, viewer=ada)
    change = 'mutation { updateProfile(input: {displayName: "Countess", bio: "Numbers"}) { user { displayName } } }'
    assert (await gate.data(change, viewer=ada))["updateProfile"]["user"] == {"displayName": "Countess"}
    assert (await gate.data(query, viewer=ada))["viewer"]["user"]["bio"] == "Numbers"


async def test_conflicts_and_broken_rules_are_mendable(gate: Edge, ada: bytes) -> None:
    oneself = "mutation ($id: ID!) { followUser(input: {userId: $id}) { userErrors { code field } } }"
    payload = (await gate.data(oneself, viewer=ada, variables={"id": encode(Kind.USER, ada)}))["followUser"]
    assert payload["userErrors"] == [{"code": "ONESELF_FOLLOWED", "field": ["userId"]}]
    taken = """mutation { signUp(input: {handle: "Ada", email: "a@example.com", password: "long enough",
      displayName: "Ada"}) { tokens { accessToken } userErrors { code field } } }"""
    payload = (await gate.data(taken))["signUp"]
    assert payload == {"tokens": None, "userErrors": [{"code": "HANDLE_TAKEN", "field": ["handle"]}]}


async def test_what_is_not_mendable_is_an_error(gate: Edge, town: Town, ada: bytes, bob: bytes) -> None:
    post = encode(Kind.POST, town.post(bob))
    text = f'mutation {{ deletePost(input: {{postId: "{post}"}}) {{ deletedPostId }} }}'
    assert await gate.code(text, viewer=ada) == "FORBIDDEN"
    town.down = {"content"}
    assert await gate.code(text, viewer=ada) == "UNAVAILABLE"


async def test_signing_in_shows_what_its_owner_sees(gate: Edge, ada: bytes) -> None:
    payload = (await gate.data(SIGN_IN, variables={"login": "ada", "password": PASSWORD}))["signIn"]
    assert payload["viewer"] == {"email": "ada@example.com", "user": {"handle": "ada"}}
    answer = await gate.ask(SIGN_IN, variables={"login": "ada", "password": "wrong"})
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_only_signing_in_is_open_to_all(gate: Edge, town: Town, ada: bytes) -> None:
    sign_out = "mutation { signOut(input: {}) { userErrors { code } } }"
    for text in ("{ viewer { email } }", '{ user(handle: "ada") { id } }', sign_out):
        assert await gate.code(text) == "UNAUTHENTICATED"
    assert not town.calls
    assert (await gate.data("{ __typename }"))["__typename"] == "Query"


async def test_an_edit_chooses_people_for_that_audience_alone(
    gate: Edge, town: Town, ada: bytes, bob: bytes
) -> None:
    text = "mutation($input: EditPostInput!) { editPost(input: $input) { userErrors { field } post { id } } }"
    post, person = encode(Kind.POST, town.post(ada)), encode(Kind.USER, bob)
    for wrong in (
        {"audienceUserIds": [person]},
        {"audience": "CHOSEN"},
        {"audience": "EVERYONE", "audienceUserIds": [person]},
    ):
        answer = await gate.data(text, viewer=ada, variables={"input": {"postId": post, **wrong}})
        assert answer["editPost"] == {"userErrors": [{"field": ["audienceUserIds"]}], "post": None}
    assert not town.calls
