"""A person has at most a hundred live stories; one more is refused by name, and all of them can be listed."""

from tests.e2e.nova import Nova, Person

MOST = 100
PICTURE = "https://img.example/story.jpg"
LISTED = "query($id: ID!, $first: Int!) { node(id: $id) { ... on User { stories(first: $first) { id } } } }"


async def test_the_hundred_and_first_live_story_is_refused_and_a_hundred_are_listed(nova: Nova) -> None:
    author, reader = await nova.newcomer("teller"), await nova.newcomer("listener")
    told = [
        (await nova.do("createStory", "story { id }", author, mediaUrl=PICTURE))["story"] for _ in range(MOST)
    ]
    refused = await nova.attempt("createStory", "story { id }", author, mediaUrl=PICTURE)
    assert refused["story"] is None
    assert [(error["code"], error["field"]) for error in refused["userErrors"]] == [
        ("TOO_MANY_STORIES", None)
    ]
    assert [told[-1]] == await listed(nova, reader, author, 1)
    assert told == await listed(nova, reader, author, MOST)
    by_default = "query($id: ID!) { node(id: $id) { ... on User { stories { id } } } }"
    shown = (await nova.ask(by_default, {"id": author.id}, by=reader)).data["node"]["stories"]
    assert shown == told[-20:]
    await nova.do("deleteStory", "deletedStoryId", author, storyId=told[0]["id"])
    await nova.do("createStory", "story { id }", author, mediaUrl=PICTURE)
    for first in (0, -1, MOST + 1):
        answer = await nova.ask(LISTED, {"id": author.id, "first": first}, by=reader)
        assert answer.code == "BAD_USER_INPUT", first


async def listed(nova: Nova, reader: Person, author: Person, first: int) -> list[dict[str, str]]:
    """Return the newest stories of an author as a reader sees them."""
    answer = await nova.ask(LISTED, {"id": author.id, "first": first}, by=reader)
    stories: list[dict[str, str]] = answer.data["node"]["stories"]
    return stories
