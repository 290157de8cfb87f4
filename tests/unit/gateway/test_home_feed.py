"""The home page: what it shows, what it costs, and how few calls it takes."""

from nova.policy.relations import Relation
from tests.unit.gateway.edge import Edge
from tests.unit.gateway.town import Town

HOME = """
query Home($first: Int, $after: String) {
  homeFeed(first: $first, after: $after) {
    pageInfo { hasNextPage endCursor }
    edges {
      cursor
      why { source score contributions { name value weight } }
      node {
        id caption contentType tags createdAt likeCount commentCount shareCount viewerHasLiked viewerHasShared
        author { id handle displayName avatarUrl viewerFollows followerCount postCount }
        media { id kind state url width height }
        comments(first: 3) { edges { node { id text likeCount viewerHasLiked author { handle } } } }
      }
    }
  }
}
"""


async def test_a_home_page_fits_cost_and_calls(
    gate: Edge, town: Town, ada: bytes, bob: bytes, eve: bytes
) -> None:
    for number in range(20):
        post = town.post(bob if number % 2 else eve, f"Post {number}")
        for _ in range(3):
            town.comment(post, ada)
    answer = (await gate.ask(HOME, viewer=ada, variables={"first": 20})).json()
    assert "errors" not in answer
    assert len(answer["data"]["homeFeed"]["edges"]) == 20
    assert answer["extensions"]["cost"]["complexity"] < 500
    assert answer["extensions"]["cost"]["backendCalls"] <= 10
    assert sum(town.calls.values()) == answer["extensions"]["cost"]["backendCalls"]
    node = answer["data"]["homeFeed"]["edges"][0]["node"]
    assert node["commentCount"] == 3
    assert [edge["node"]["author"]["handle"] for edge in node["comments"]["edges"]] == ["ada"] * 3
    assert node["media"][0]["state"] == "READY"


async def test_pages_follow_each_other(gate: Edge, town: Town, ada: bytes, bob: bytes) -> None:
    posts = sorted((town.post(bob, str(number)) for number in range(5)), reverse=True)
    captions, after = [], None
    for _ in range(3):
        page = (await gate.data(HOME, viewer=ada, variables={"first": 2, "after": after}))["homeFeed"]
        captions += [edge["node"]["caption"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
    assert not page["pageInfo"]["hasNextPage"]
    assert captions == [town.posts[key].caption for key in posts]


async def test_a_hidden_author_takes_his_edge_and_not_the_page(
    gate: Edge, town: Town, ada: bytes, bob: bytes, eve: bytes
) -> None:
    town.post(bob, "seen")
    town.post(eve, "hidden")
    town.relations[ada, eve] = Relation.BLOCKED_BY
    page = (await gate.data(HOME, viewer=ada))["homeFeed"]
    assert [edge["node"]["caption"] for edge in page["edges"]] == ["seen"]


async def test_the_cards_of_known_people_come_from_the_cache(
    gate: Edge, town: Town, ada: bytes, bob: bytes
) -> None:
    town.post(bob)
    await gate.data(HOME, viewer=ada)
    await gate.data(HOME, viewer=ada)
    assert town.calls["user.GetProfiles"] == 1
    assert town.calls["graph.GetRelations"] == 2


async def test_a_block_hides_a_cached_card_at_once(gate: Edge, town: Town, ada: bytes, bob: bytes) -> None:
    query = '{ user(handle: "bob") { handle } }'
    assert (await gate.data(query, viewer=ada))["user"] == {"handle": "bob"}
    town.relations[ada, bob] = Relation.BLOCKED_BY
    assert (await gate.data(query, viewer=ada))["user"] is None


async def test_what_one_may_not_see_is_not_remembered_as_absent(
    gate: Edge, town: Town, ada: bytes, bob: bytes, eve: bytes
) -> None:
    town.post(bob)
    town.relations[ada, bob] = Relation.BLOCKED_BY
    assert not (await gate.data(HOME, viewer=ada))["homeFeed"]["edges"]
    assert len((await gate.data(HOME, viewer=eve))["homeFeed"]["edges"]) == 1


async def test_a_lost_room_costs_its_part_and_is_named(
    gate: Edge, town: Town, ada: bytes, bob: bytes
) -> None:
    post = town.post(bob)
    town.comment(post, ada)
    await gate.data(HOME, viewer=ada)
    for room in ("social", "graph"):
        town.down = {room}
        answer = (await gate.ask(HOME, viewer=ada)).json()
        assert "errors" not in answer
        assert answer["extensions"]["degraded"] == [room]
        assert len(answer["data"]["homeFeed"]["edges"]) == 1
    town.down = {"user"}
    answer = (await gate.ask(HOME, viewer=ada)).json()
    assert "degraded" not in answer["extensions"], "cards are cached"
    town.post(town.person("newcomer"))
    answer = (await gate.ask(HOME, viewer=ada)).json()
    assert answer["extensions"]["degraded"] == ["user"]
    assert len(answer["data"]["homeFeed"]["edges"]) == 1
    town.down = {"content"}
    answer = (await gate.ask(HOME, viewer=ada)).json()
    assert answer["extensions"]["degraded"] == ["content"]
    assert answer["data"]["homeFeed"]["edges"] == []
    town.down = {"feed"}
    answer = (await gate.ask(HOME, viewer=ada)).json()
    assert answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
