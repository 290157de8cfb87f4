"""Every event says in whose name it came about: through outbox, relay and log, in all shapes."""

from collections import defaultdict
from datetime import UTC, datetime

from nova.app.prepare import log_of
from nova.platform.events import ACTOR, Topic
from nova.policy import topics
from tests.e2e.nova import Nova, Person, account_id
from tests.waiting import until

TOPICS = {value.name for value in vars(topics).values() if isinstance(value, Topic)}
OF_NOBODY = {topics.USER_CREATED.name}
_NEWEST = 200
WITHOUT_ERRORS = "userErrors { code }"


async def told_since(nova: Nova, moment: datetime) -> dict[str, set[str | None]]:
    """Return the actors of the events of each topic, as the log has them."""
    assert nova.sources is not None
    found = defaultdict(set)
    async with log_of(nova.sources) as log:
        for topic in TOPICS:
            for event in await log.newest(topic, limit=_NEWEST):
                if event.emitted_at > moment:
                    found[topic].add(event.headers.get(ACTOR))
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
