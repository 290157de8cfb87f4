"""X2 and the events of the contract, each by its effect at the other end: what is told is done there, deletions too."""

from typing import Any

import asyncpg
import pytest

from tests.e2e.nova import Nova, Person
from tests.waiting import until

PROMISED_S = 1.0

FEED = """query($mode: FeedMode!) { homeFeed(mode: $mode, first: 100) {
  edges { node { id caption author { displayName } } } } }"""
EXISTS = "query($id: ID!) { node(id: $id) { id } }"


async def seen(nova: Nova, by: Person, mode: str = "FOLLOWING") -> dict[str, Any]:
    """Return the posts of a feed by id."""
    edges = (await nova.ask(FEED, {"mode": mode}, by=by)).data["homeFeed"]["edges"]
    return {edge["node"]["id"]: edge["node"] for edge in edges}


async def comes(nova: Nova, by: Person, post: str, mode: str = "FOLLOWING") -> None:
    """Wait until a post is in a feed."""

    async def there() -> bool:
        return post in await seen(nova, by, mode)

    await until(there)


async def goes(nova: Nova, by: Person, post: str, mode: str = "FOLLOWING", *, within_s: float = 20.0) -> None:
    """Wait until a post is in a feed no more."""

    async def gone() -> bool:
        return post not in await seen(nova, by, mode)

    await until(gone, within_s=within_s)


async def rows(nova: Nova, room: str, sql: str) -> int:
    """Return what a statement counts in the tables of a room."""
    assert nova.engines is not None
    connection = await asyncpg.connect(nova.engines.room_dsn(room))
    try:
        count: int = await connection.fetchval(sql)
        return count
    finally:
        await connection.close()


@pytest.fixture
async def pair(nova: Nova) -> tuple[Person, Person]:
    """Somebody who reads, and somebody whom he follows."""
    reader, writer = await nova.newcomer("reader"), await nova.newcomer("writer")
    await nova.do("followUser", "state", reader, userId=writer.id)
    return reader, writer


async def test_a_deleted_post_takes_everything_on_it_along(nova: Nova, pair: tuple[Person, Person]) -> None:
    reader, writer = pair
    post, kept = await nova.publish(writer, "to be deleted"), await nova.publish(writer, "to be kept")
    said = await nova.do("addComment", "comment { id }", reader, postId=post, text="under it")
    for verb in ("likePost", "sharePost"):
        await nova.do(verb, "userErrors { code }", reader, postId=post)
    await nova.do("likeComment", "userErrors { code }", writer, commentId=said["comment"]["id"])
    await nova.do("notInterested", "postId", await nova.newcomer("bored"), postId=post)
    for mode in ("FOLLOWING", "RANKED"):
        await comes(nova, reader, post, mode)
    counts = {
        table: await rows(nova, "social", f"SELECT count(*) FROM {table}")
        for table in ("likes", "shares", "comments", "comment_likes")
    }
    dismissed = await rows(nova, "feed", "SELECT count(*) FROM dismissals")
    await nova.do("deletePost", "deletedPostId", writer, postId=post)
    for thing in (post, said["comment"]["id"]):
        assert (await nova.ask(EXISTS, {"id": thing}, by=reader)).data == {"node": None}
    for mode in ("FOLLOWING", "RANKED"):
        shown = await seen(nova, reader, mode)
        assert post not in shown
        assert kept in shown

    async def swept() -> bool:
        left = {table: await rows(nova, "social", f"SELECT count(*) FROM {table}") for table in counts}
        return left == {table: count - 1 for table, count in counts.items()}

    await until(swept)

    async def undismissed() -> bool:
        return await rows(nova, "feed", "SELECT count(*) FROM dismissals") == dismissed - 1

    await until(undismissed)


async def test_following_brings_posts_and_ending_it_takes_them_at_once(
    nova: Nova, pair: tuple[Person, Person]
) -> None:
    reader, writer = pair
    post = await nova.publish(writer)
    await comes(nova, reader, post)
    await nova.do("unfollowUser", "state", reader, userId=writer.id)
    await goes(nova, reader, post, within_s=PROMISED_S)
    await nova.do("followUser", "state", reader, userId=writer.id)
    await comes(nova, reader, post)
    await nova.do("removeFollower", "user { id }", writer, userId=reader.id)
    await goes(nova, reader, post, within_s=PROMISED_S)


async def test_a_block_ends_both_ways_and_lifting_it_restores_no_follow(nova: Nova) -> None:
    one, other = await nova.newcomer("one"), await nova.newcomer("other")
    await nova.do("followUser", "state", one, userId=other.id)
    await nova.do("followUser", "state", other, userId=one.id)
    posts = {one.id: await nova.publish(one), other.id: await nova.publish(other)}
    await comes(nova, one, posts[other.id])
    await comes(nova, other, posts[one.id])
    await nova.do("blockUser", "user { id }", one, userId=other.id)
    for mode in ("FOLLOWING", "RANKED"):
        await goes(nova, one, posts[other.id], mode, within_s=PROMISED_S)
        await goes(nova, other, posts[one.id], mode, within_s=PROMISED_S)
    await nova.do("unblockUser", "user { id }", one, userId=other.id)
    flags = "query($id: ID!) { node(id: $id) { ... on User { viewerFollows followsViewer } } }"
    strangers = {"node": {"viewerFollows": False, "followsViewer": False}}
    await nova.eventually(other, flags, strangers, id=one.id)
    assert posts[one.id] not in await seen(nova, other)
    await nova.do("followUser", "state", other, userId=one.id)
    await comes(nova, other, posts[one.id])


async def test_a_mute_keeps_a_feed_quiet_and_hides_nothing_else(
    nova: Nova, pair: tuple[Person, Person]
) -> None:
    reader, writer = pair
    post = await nova.publish(writer)
    await comes(nova, reader, post)
    await nova.do("muteUser", "user { id }", reader, userId=writer.id)
    for mode in ("FOLLOWING", "RANKED"):
        await goes(nova, reader, post, mode)
    assert (await nova.ask(EXISTS, {"id": post}, by=reader)).data == {"node": {"id": post}}
    await nova.do("unmuteUser", "user { id }", reader, userId=writer.id)
    await comes(nova, reader, post)


async def test_an_edit_is_seen_in_the_feed_and_its_audience_obeyed(
    nova: Nova, pair: tuple[Person, Person]
) -> None:
    reader, writer = pair
    post = await nova.publish(writer, "as it was")
    await comes(nova, reader, post)
    await nova.do("editPost", "post { caption }", writer, postId=post, caption="as it is")
    assert (await seen(nova, reader))[post]["caption"] == "as it is"
    edits = "query($id: ID!) { post(id: $id) { edits { edges { node { caption } } } } }"
    kept = {"post": {"edits": {"edges": [{"node": {"caption": "as it was"}}]}}}
    assert (await nova.ask(edits, {"id": post}, by=writer)).data == kept
    chosen = await nova.newcomer("chosen")
    await nova.do(
        "editPost", "post { id }", writer, postId=post, audience="CHOSEN", audienceUserIds=[chosen.id]
    )
    assert post not in await seen(nova, reader)
    assert (await nova.ask(EXISTS, {"id": post}, by=reader)).data == {"node": None}
    assert (await nova.ask(EXISTS, {"id": post}, by=chosen)).data == {"node": {"id": post}}
    await nova.do("editPost", "post { id }", writer, postId=post, audience="FOLLOWERS")
    assert (await nova.ask(EXISTS, {"id": post}, by=chosen)).data == {"node": None}
    await comes(nova, reader, post)


async def test_a_story_is_over_when_its_day_is(nova: Nova, pair: tuple[Person, Person]) -> None:
    reader, writer = pair
    ids = []
    for number in range(2):
        made = await nova.do(
            "createStory", "story { id }", writer, mediaUrl=f"https://img.example/{number}.jpg"
        )
        ids.append(made["story"]["id"])
    stories = "query($id: ID!) { node(id: $id) { ... on User { stories { id } } } }"
    assert (await nova.ask(stories, {"id": writer.id}, by=reader)).data == {
        "node": {"stories": [{"id": one} for one in ids]}
    }
    assert nova.engines is not None
    connection = await asyncpg.connect(nova.engines.room_dsn("content"))
    try:  # a day goes by for the first one
        await connection.execute(
            "UPDATE stories SET created_at = created_at - interval '24 h', expires_at = now() "
            "WHERE media->>'url' LIKE '%/0.jpg'"
        )
    finally:
        await connection.close()
    assert (await nova.ask(stories, {"id": writer.id}, by=reader)).data == {
        "node": {"stories": [{"id": ids[1]}]}
    }
    assert (await nova.ask(EXISTS, {"id": ids[0]}, by=reader)).data == {"node": None}
    assert (await nova.ask(EXISTS, {"id": ids[0]}, by=writer)).data == {"node": None}


async def test_who_becomes_public_has_accepted_everyone_who_asked(nova: Nova) -> None:
    shy, fan = await nova.newcomer("shy"), await nova.newcomer("fan")
    await nova.do("updateProfile", "user { isPrivate }", shy, isPrivate=True)
    post = await nova.publish(shy)
    await nova.eventually(fan, EXISTS, {"node": None}, id=post)
    assert (await nova.do("followUser", "state", fan, userId=shy.id))["state"] == "REQUESTED"
    requests = "{ viewer { followRequests { edges { node { id } } } } }"
    asked = {"viewer": {"followRequests": {"edges": [{"node": {"id": fan.id}}]}}}
    await nova.eventually(shy, requests, asked)
    assert post not in await seen(nova, fan)
    await nova.do("updateProfile", "user { isPrivate }", shy, isPrivate=False)
    await comes(nova, fan, post)
    await nova.eventually(shy, requests, {"viewer": {"followRequests": {"edges": []}}})
    followers = (
        "query($id: ID!) { node(id: $id) { ... on User { followerCount viewerFollows viewerRequested } } }"
    )
    known = {"node": {"followerCount": 1, "viewerFollows": True, "viewerRequested": False}}
    await nova.eventually(fan, followers, known, id=shy.id)


async def test_a_changed_name_is_seen_everywhere_within_a_second(
    nova: Nova, pair: tuple[Person, Person]
) -> None:
    reader, writer = pair
    post = await nova.publish(writer)
    await comes(nova, reader, post)
    assert (await seen(nova, reader))[post]["author"] == {"displayName": "Writer"}
    await nova.do("updateProfile", "user { displayName }", writer, displayName="Another Name")

    async def renamed() -> bool:
        return bool((await seen(nova, reader))[post]["author"] == {"displayName": "Another Name"})

    await until(renamed, within_s=PROMISED_S)


async def test_reactions_raise_a_score_and_their_ends_lower_it(
    nova: Nova, pair: tuple[Person, Person]
) -> None:
    reader, writer = pair
    post = await nova.publish(writer)
    await comes(nova, reader, post, "RANKED")
    crowd = [await nova.newcomer("crowd") for _ in range(3)]
    quiet = await valued(nova, reader, post)
    comments = []
    for person in crowd:
        for verb in ("likePost", "sharePost"):
            await nova.do(verb, "userErrors { code }", person, postId=post)
        made = await nova.do("addComment", "comment { id }", person, postId=post, text="well said")
        comments.append((person, made["comment"]["id"]))
    raised = {"post_likes", "post_comments", "post_shares"}

    async def loud() -> bool:
        now = await valued(nova, reader, post)
        return all(now.get(name, 0.0) > quiet.get(name, 0.0) + 1.0 for name in raised)

    await until(loud)
    for person in crowd:
        for verb in ("unlikePost", "unsharePost"):
            await nova.do(verb, "userErrors { code }", person, postId=post)
    for person, comment in comments:
        await nova.do("deleteComment", "deletedCommentId", person, commentId=comment)

    async def hushed() -> bool:
        now = await valued(nova, reader, post)
        return all(now.get(name, 0.0) < quiet.get(name, 0.0) + 0.1 for name in raised)

    await until(hushed)


async def valued(nova: Nova, by: Person, post: str) -> dict[str, float]:
    """Return the values of what the score of a post is made of."""
    document = "{ homeFeed(mode: RANKED, first: 100) { edges { node { id } why { contributions { name value } } } } }"
    edges = (await nova.ask(document, by=by)).data["homeFeed"]["edges"]
    return {
        one["name"]: one["value"]
        for edge in edges
        if edge["node"]["id"] == post
        for one in edge["why"]["contributions"]
    }
