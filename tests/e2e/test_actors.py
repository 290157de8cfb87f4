"""Every event says in whose name it came about: through outbox, relay and log, in both shapes."""

import json
from collections import defaultdict
from datetime import UTC, datetime

import asyncpg
import pytest

from nova.platform.events import ACTOR, Topic
from nova.policy import topics
from tests.e2e.nova import Nova, Person, account_id
from tests.e2e.shapes import REAL_ENGINES
from tests.waiting import until

TOPICS = {value.name for value in vars(topics).values() if isinstance(value, Topic)}
OF_NOBODY = {topics.USER_CREATED.name}
WITHOUT_ERRORS = "userErrors { code }"

_TOLD = """
SELECT topics.name AS topic, records.headers
FROM records JOIN partitions ON partitions.id = partition_id JOIN topics ON topics.id = topic_id
WHERE emitted_at > $1
"""


async def told_since(nova: Nova, moment: datetime) -> dict[str, set[str | None]]:
    """Return the actors of the events of each topic."""
    assert nova.engines is not None
    found = defaultdict(set)
    connection = await asyncpg.connect(nova.engines.postgres_dsn("nova_log"))
    try:
        for row in await connection.fetch(_TOLD, moment):
            found[row["topic"]].add(json.loads(row["headers"]).get(ACTOR))
    finally:
        await connection.close()
    return found


async def act(nova: Nova, ada: Person, kofi: Person) -> None:
    """Do all that there are events of, as Ada."""
    await nova.do("updateProfile", WITHOUT_ERRORS, ada, bio="hello")
    for verb in ("followUser", "unfollowUser", "followUser", "muteUser", "unmuteUser"):
        await nova.do(verb, WITHOUT_ERRORS, ada, userId=kofi.id)
    post = await nova.publish(ada)
    await nova.do("editPost", WITHOUT_ERRORS, ada, postId=post, caption="again")
    for verb in ("likePost", "unlikePost", "sharePost", "unsharePost"):
        await nova.do(verb, WITHOUT_ERRORS, ada, postId=post)
    said = await nova.do("addComment", "comment { id }", ada, postId=post, text="so it is")
    await nova.do("deleteComment", WITHOUT_ERRORS, ada, commentId=said["comment"]["id"])
    await nova.do("deletePost", WITHOUT_ERRORS, ada, postId=post)
    story = await nova.do("createStory", "story { id }", ada, mediaUrl="https://pictures.example/1.jpg")
    await nova.do("deleteStory", WITHOUT_ERRORS, ada, storyId=story["story"]["id"])
    for verb in ("blockUser", "unblockUser"):
        await nova.do(verb, WITHOUT_ERRORS, ada, userId=kofi.id)


async def test_every_event_says_whose_deed_it_is(nova: Nova) -> None:
    if nova.shape == REAL_ENGINES:
        pytest.skip("the events are in Kafka, whose wire has a test of its own")
    began = datetime.now(UTC)
    ada, kofi, shy = [await nova.newcomer(name) for name in ("ada", "kofi", "shy")]
    await nova.do("updateProfile", WITHOUT_ERRORS, shy, isPrivate=True)
    await act(nova, ada, kofi)

    async def asks() -> bool:
        state = (await nova.do("followUser", "state", ada, userId=shy.id))["state"]
        await nova.do("unfollowUser", WITHOUT_ERRORS, ada, userId=shy.id)
        return bool(state == "REQUESTED")

    await until(asks)

    async def all_told() -> bool:
        return (await told_since(nova, began)).keys() >= TOPICS

    await until(all_told)
    by_ada, by_shy = str(account_id(ada)), str(account_id(shy))
    expected: dict[str, set[str | None]] = {
        topic: {None} if topic in OF_NOBODY else {by_ada} for topic in TOPICS
    }
    # A profile follows from a sign-up, which is nobody's deed.
    expected[topics.PROFILE_UPDATED.name] = {None, by_ada, by_shy}
    assert await told_since(nova, began) == expected
