"""A newcomer's first day: sign up, follow, post, react, read the feed."""

import pytest

from tests.e2e.nova import Nova

pytestmark = pytest.mark.timeout(180)

PROFILE = """query($handle: String!) { user(handle: $handle) {
  handle displayName followerCount followingCount postCount viewerFollows followsViewer } }"""


async def test_people_sign_up_follow_post_and_react(nova: Nova) -> None:
    ada, kofi = await nova.newcomer("ada"), await nova.newcomer("kofi")
    await nova.do("followUser", "state user { viewerFollows }", kofi, userId=ada.id)
    post = await nova.publish(ada, "Good morning, 世界 🌅", tags=["dawn"])
    await nova.eventually(
        kofi,
        "{ homeFeed(mode: FOLLOWING) { edges { node { id caption author { handle } } why { source } } } }",
        {
            "homeFeed": {
                "edges": [
                    {
                        "node": {
                            "id": post,
                            "caption": "Good morning, 世界 🌅",
                            "author": {"handle": ada.handle},
                        },
                        "why": {"source": "following"},
                    }
                ]
            }
        },
    )
    liked = await nova.do("likePost", "post { likeCount viewerHasLiked }", kofi, postId=post)
    assert liked["post"] == {"likeCount": 1, "viewerHasLiked": True}
    said = await nova.do(
        "addComment", "comment { id text author { handle } }", kofi, postId=post, text="Morning!"
    )
    assert said["comment"]["author"]["handle"] == kofi.handle
    answer = await nova.ask(
        "query($id: ID!) { post(id: $id) { likeCount commentCount viewerHasLiked "
        "comments { edges { node { text } } } likers { edges { node { handle } } } } }",
        {"id": post},
        by=ada,
    )
    assert answer.data["post"] == {
        "likeCount": 1,
        "commentCount": 1,
        "viewerHasLiked": False,
        "comments": {"edges": [{"node": {"text": "Morning!"}}]},
        "likers": {"edges": [{"node": {"handle": kofi.handle}}]},
    }
    profile = (await nova.ask(PROFILE, {"handle": ada.handle}, by=kofi)).data["user"]
    assert profile == {
        "handle": ada.handle,
        "displayName": "Ada",
        "followerCount": 1,
        "followingCount": 0,
        "postCount": 1,
        "viewerFollows": True,
        "followsViewer": False,
    }


async def test_every_score_is_the_sum_of_its_reasons(nova: Nova) -> None:
    reader, writers = await nova.newcomer("reader"), [await nova.newcomer("writer") for _ in range(3)]
    for writer in writers:
        await nova.do("followUser", "state", reader, userId=writer.id)
        for number in range(4):
            await nova.publish(writer, f"number {number}")
    document = (
        "{ homeFeed(first: 20, mode: RANKED) { edges { node { id } "
        "why { source score contributions { name value weight } } } } }"
    )

    async def ranked() -> list[dict[str, object]]:
        edges: list[dict[str, object]] = (await nova.ask(document, by=reader)).data["homeFeed"]["edges"]
        return edges

    assert len(await nova.feed(reader)) <= 12
    await nova.eventually(reader, "{ homeFeed(mode: FOLLOWING, first: 1) { pageInfo { hasNextPage } } }",
                          {"homeFeed": {"pageInfo": {"hasNextPage": True}}})  # fmt: skip
    edges = await ranked()
    assert edges
    for edge in edges:
        why = edge["why"]
        assert isinstance(why, dict)
        total = sum(part["value"] * part["weight"] for part in why["contributions"])
        assert why["score"] == pytest.approx(total, abs=1e-9)
    scores = [edge["why"]["score"] for edge in edges]  # type: ignore[index] # a JSON answer
    assert scores == sorted(scores, reverse=True)


async def test_a_full_scroll_shows_each_post_once_while_others_write(nova: Nova) -> None:
    reader, writer = await nova.newcomer("reader"), await nova.newcomer("writer")
    await nova.do("followUser", "state", reader, userId=writer.id)
    posts = {await nova.publish(writer, f"number {number}") for number in range(23)}
    await nova.eventually(reader, "{ homeFeed(mode: FOLLOWING, first: 1) { edges { node { caption } } } }",
                          {"homeFeed": {"edges": [{"node": {"caption": "number 22"}}]}})  # fmt: skip
    for mode in ("FOLLOWING", "RANKED"):
        document = (
            f"query($first: Int, $after: String) {{ homeFeed(mode: {mode}, first: $first, after: $after) "
            "{ edges { node { id author { id } } } pageInfo { hasNextPage endCursor } } }"
        )
        seen: list[str] = []
        after = None
        while True:
            page = (await nova.ask(document, {"first": 5, "after": after}, by=reader)).data["homeFeed"]
            seen += [
                edge["node"]["id"] for edge in page["edges"] if edge["node"]["author"]["id"] == writer.id
            ]
            if not page["pageInfo"]["hasNextPage"]:
                break
            after = page["pageInfo"]["endCursor"]
            await nova.publish(writer, "meanwhile")
        assert len(seen) == len(set(seen)), mode
        assert posts <= set(seen), mode
