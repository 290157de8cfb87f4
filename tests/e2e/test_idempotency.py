"""Every mutation under an idempotency key: the same key and body give the first answer, another body a conflict."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.nova import PASSWORD, Answer, Nova, Person
from tests.e2e.schema import introspected

AGAIN = 6


@dataclass(frozen=True)
class Call:
    """A mutation, with an input and another; None where no other can be sent. `fields` are what it answers."""

    given: dict[str, Any]
    other: dict[str, Any] | None
    fields: str = "userErrors { code }"


@dataclass(frozen=True)
class Cast:
    """Someone who acts, and what he acts on: two of a kind each."""

    nova: Nova
    actor: Person
    people: tuple[Person, Person]

    async def posts(self) -> tuple[str, str]:
        return await self.nova.publish(self.people[0]), await self.nova.publish(self.people[0])

    async def own_posts(self) -> tuple[str, str]:
        return await self.nova.publish(self.actor), await self.nova.publish(self.actor)

    async def comments(self) -> tuple[str, str]:
        post, _ = await self.own_posts()
        return await self._comment(post), await self._comment(post)

    async def _comment(self, post: str) -> str:
        made = await self.nova.do("addComment", "comment { id }", self.actor, postId=post, text="a remark")
        comment: str = made["comment"]["id"]
        return comment

    async def stories(self) -> tuple[str, str]:
        return await self._story(), await self._story()

    async def _story(self) -> str:
        made = await self.nova.do(
            "createStory", "story { id }", self.actor, mediaUrl="https://img.example/s.jpg"
        )
        story: str = made["story"]["id"]
        return story

    async def requests(self) -> tuple[str, str]:
        """Have both people ask to follow the actor, who is private from now on."""
        await self.nova.do("updateProfile", "user { id }", self.actor, isPrivate=True)
        ids = []
        for person in [await self.nova.newcomer("asker") for _ in range(2)]:
            follow = "mutation($input: FollowUserInput!) { followUser(input: $input) { state } }"
            requested = {"followUser": {"state": "REQUESTED"}}
            await self.nova.eventually(person, follow, requested, input={"userId": self.actor.id})
            ids.append(person.id)
        return ids[0], ids[1]

    async def sessions(self) -> tuple[str, str]:
        await self._sign_in()
        await self._sign_in()
        asked = "{ viewer { sessions { edges { node { id isCurrent } } } } }"
        edges = (await self.nova.ask(asked, by=self.actor)).data["viewer"]["sessions"]["edges"]
        others = [edge["node"]["id"] for edge in edges if not edge["node"]["isCurrent"]]
        return others[0], others[1]

    async def _sign_in(self) -> None:
        await self.nova.do("signIn", "tokens { accessToken }", login=self.actor.handle, password=PASSWORD)


Make = Callable[[Cast], Awaitable[Call]]


def on_people(fields: str = "user { id }") -> Make:
    async def make(cast: Cast) -> Call:
        first, second = (person.id for person in cast.people)
        return Call({"userId": first}, {"userId": second}, fields)

    return make


def on(of: Callable[[Cast], Awaitable[tuple[str, str]]], name: str, fields: str, **more: Any) -> Make:
    async def make(cast: Cast) -> Call:
        first, second = await of(cast)
        return Call({name: first, **more}, {name: second, **more}, fields)

    return make


def plainly(given: dict[str, Any], other: dict[str, Any], fields: str) -> Make:
    async def make(_cast: Cast) -> Call:
        return Call(given, other, fields)

    return make


def without_other(given: dict[str, Any], fields: str) -> Make:
    async def make(_cast: Cast) -> Call:
        return Call(given, None, fields)

    return make


async def seen(cast: Cast) -> Call:
    first, second = await cast.posts()
    return Call({"postIds": [first]}, {"postIds": [second]}, "seenPostIds")


async def password(_cast: Cast) -> Call:
    return Call({"current": PASSWORD, "next": "another good password"}, None, "tokens { refreshToken }")


STATE = "post { likeCount shareCount viewerHasLiked viewerHasShared }"
LIKED = "comment { likeCount viewerHasLiked }"
CALLS: dict[str, Make] = {
    "createPost": plainly({"caption": "one"}, {"caption": "two"}, "post { id caption }"),
    "createStory": plainly(
        {"mediaUrl": "https://img.example/1.jpg"}, {"mediaUrl": "https://img.example/2.jpg"}, "story { id }"
    ),
    "updateProfile": plainly({"bio": "one"}, {"bio": "two"}, "user { bio }"),
    "updateSettings": plainly({"language": "de"}, {"language": "fr"}, "settings { language }"),
    "blockUser": on_people(),
    "unblockUser": on_people(),
    "muteUser": on_people(),
    "unmuteUser": on_people(),
    "muteWord": plainly({"word": "one"}, {"word": "two"}, "mutedWord { word createdAt until }"),
    "unmuteWord": plainly({"word": "one"}, {"word": "two"}, "word"),
    "followUser": on_people("state user { id }"),
    "unfollowUser": on_people("state user { id }"),
    "removeFollower": on_people(),
    "acceptFollow": on(Cast.requests, "userId", "user { id }"),
    "rejectFollow": on(Cast.requests, "userId", "user { id }"),
    "editPost": on(Cast.own_posts, "postId", "post { id caption }", caption="edited"),
    "deletePost": on(Cast.own_posts, "postId", "deletedPostId"),
    "deleteStory": on(Cast.stories, "storyId", "deletedStoryId"),
    "viewStory": on(Cast.stories, "storyId", "story { id viewerHasSeen }"),
    "likePost": on(Cast.posts, "postId", STATE),
    "unlikePost": on(Cast.posts, "postId", STATE),
    "sharePost": on(Cast.posts, "postId", STATE),
    "unsharePost": on(Cast.posts, "postId", STATE),
    "addComment": on(Cast.posts, "postId", "comment { id text }", text="a remark"),
    "editComment": on(Cast.comments, "commentId", "comment { id text }", text="edited"),
    "deleteComment": on(Cast.comments, "commentId", "deletedCommentId postId"),
    "likeComment": on(Cast.comments, "commentId", LIKED),
    "unlikeComment": on(Cast.comments, "commentId", LIKED),
    "markSeen": seen,
    "notInterested": on(Cast.posts, "postId", "postId"),
    "revokeSession": on(Cast.sessions, "id", "revokedSessionId"),
    "changePassword": password,
    "requestPasswordReset": plainly({"email": "one@example.org"}, {"email": "two@example.org"}, ""),
    "requestEmailVerification": without_other({}, "viewer { emailVerified }"),
}
ELSEWHERE = {
    "signUp", "signIn", "refreshSession", "signOut", "revokeAllSessions", "resetPassword", "verifyEmail",
}  # fmt: skip
"""Those with links are tested where the mails are, signUp below, refreshSession with the tokens, signIn in its
room; signing out ends who would ask again."""


async def sent(
    nova: Nova, by: Person | None, verb: str, fields: str, given: dict[str, Any], *, key: str
) -> Answer:
    kind = f"{verb[0].upper()}{verb[1:]}Input"
    document = f"mutation($input: {kind}!) {{ {verb}(input: $input) {{ userErrors {{ code }} {fields} }} }}"
    return await nova.ask(document, {"input": {**given, "idempotencyKey": key}}, by=by)


async def test_every_mutation_is_tried(nova: Nova) -> None:
    schema = await introspected(nova)
    assert schema.mutation_type is not None
    assert set(schema.mutation_type.fields) == set(CALLS) | ELSEWHERE


@pytest.mark.parametrize("verb", CALLS)
async def test_a_repeat_is_answered_as_the_first_and_another_body_refused(nova: Nova, verb: str) -> None:
    people = (await nova.newcomer("one"), await nova.newcomer("two"))
    actor = await nova.newcomer("actor")
    call = await CALLS[verb](Cast(nova, actor, people))
    first = await sent(nova, actor, verb, call.fields, call.given, key="key")
    assert first.data[verb]["userErrors"] == []
    if verb == "changePassword":  # the token that asked has ended; the session goes on with the new one
        entrance = {"login": actor.handle, "password": call.given["next"]}
        tokens = await sent(nova, None, "signIn", "tokens { accessToken }", entrance, key="in")
        assert tokens.data["signIn"]["tokens"]
        return
    again = await sent(nova, actor, verb, call.fields, call.given, key="key")
    assert again.data == first.data
    await taken_away(nova, (actor, *people), call)
    later = (await sent(nova, actor, verb, call.fields, call.given, key="key")).data
    assert later[verb] is not None
    assert agrees(later, first.data), (later, first.data)
    if call.other is not None:
        conflict = await sent(nova, actor, verb, call.fields, call.other, key="key")
        assert conflict.code == "IDEMPOTENCY_CONFLICT", conflict
        assert (await sent(nova, people[0], "createPost", "post { id }", {"caption": "mine"}, key="key")).data


async def taken_away(nova: Nova, people: Sequence[Person], call: Call) -> None:
    """Have whoever can do it delete what a call was about, or hide from the actor: without its key it would fail."""
    actor, *others = people
    for name, given in call.given.items():
        if name == "userId":
            for person in others:
                if person.id == given:
                    await sent(nova, person, "blockUser", "user { id }", {"userId": actor.id}, key="away")
        elif name in WITHDRAWN:
            verb, field = WITHDRAWN[name]
            (thing,) = given if isinstance(given, list) else (given,)
            for person in people:
                await sent(nova, person, verb, "__typename", {field: thing}, key="away")


WITHDRAWN = {
    "postId": ("deletePost", "postId"),
    "postIds": ("deletePost", "postId"),
    "commentId": ("deleteComment", "commentId"),
    "storyId": ("deleteStory", "storyId"),
}
"""By which mutation a thing is gone, by the name under which it is given."""


def agrees(later: Any, first: Any) -> bool:
    """Return whether an answer is the first one, but for entities that are gone since: they are null."""
    if isinstance(first, dict):
        return later is None or all(agrees(later[name], one) for name, one in first.items())
    return bool(later == first)


async def test_repeats_at_the_same_moment_have_one_effect(nova: Nova) -> None:
    author = await nova.newcomer("author")
    given = {"caption": "once and for all"}
    answers = await nova.together(
        *(sent(nova, author, "createPost", "post { id }", given, key="k") for _ in range(AGAIN))
    )
    assert len({json.dumps(answer.data) for answer in answers}) == 1
    post = answers[0].data["createPost"]["post"]["id"]
    assert await nova.posts_of(author) == [post]
    text = {"postId": post, "text": "said once"}
    answers = await nova.together(
        *(sent(nova, author, "addComment", "comment { id }", text, key="c") for _ in range(AGAIN))
    )
    assert len({json.dumps(answer.data) for answer in answers}) == 1
    count = "query($id: ID!) { post(id: $id) { commentCount } }"
    assert (await nova.ask(count, {"id": post}, by=author)).data == {"post": {"commentCount": 1}}


async def test_sign_ups_at_the_same_moment_open_one_account(nova: Nova) -> None:
    given = {
        "handle": "only_one",
        "email": "only_one@example.org",
        "password": PASSWORD,
        "displayName": "Only",
    }
    fields = "viewer { user { id } } tokens { refreshToken }"
    answers = await nova.together(
        *(sent(nova, None, "signUp", fields, given, key="one-sign-up") for _ in range(AGAIN))
    )
    assert len({json.dumps(answer.data) for answer in answers}) == 1
    other = {**given, "displayName": "Another"}
    assert (await sent(nova, None, "signUp", fields, other, key="one-sign-up")).code == "IDEMPOTENCY_CONFLICT"
    stolen = {**given, "password": "a wrong password"}
    assert "errors" in await sent(nova, None, "signUp", fields, stolen, key="one-sign-up")


async def test_a_refused_mutation_leaves_its_key_free(nova: Nova) -> None:
    author = await nova.newcomer("author")
    refused = await sent(nova, author, "createPost", "post { id }", {"caption": " "}, key="free")
    assert refused.data["createPost"]["userErrors"]
    assert (await sent(nova, author, "createPost", "post { id }", {"caption": "good"}, key="free")).data[
        "createPost"
    ]["post"]


async def test_a_key_of_other_signs_is_refused(nova: Nova) -> None:
    author = await nova.newcomer("author")
    for key in ("with a space", "ü", "k" * 129, "new\nline"):
        payload = (await sent(nova, author, "createPost", "post { id }", {"caption": "x"}, key=key)).data[
            "createPost"
        ]
        assert payload == {"userErrors": [{"code": "INVALID_ARGUMENT"}], "post": None}


async def refreshed(nova: Nova, token: str, **headers: str) -> Any:
    return await nova.http.post("/auth/refresh", json={"refresh_token": token}, headers=headers)


async def test_t6_a_refresh_over_http_may_be_repeated_under_its_key(nova: Nova) -> None:
    """Quoted, as the draft has it, or bare: one key."""
    person = await nova.newcomer("forgetful")
    first = await refreshed(nova, person.refresh_token, **{"Idempotency-Key": '"one-refresh"'})
    again = await refreshed(nova, person.refresh_token, **{"Idempotency-Key": "one-refresh"})
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json()["refresh_token"] == first.json()["refresh_token"]
    following = await refreshed(nova, first.json()["refresh_token"], **{"Idempotency-Key": "one-refresh"})
    assert (following.status_code, following.json()["code"]) == (409, "IDEMPOTENCY_CONFLICT")
    replayed = await refreshed(nova, person.refresh_token, **{"Idempotency-Key": "another"})
    assert (replayed.status_code, replayed.json()["code"]) == (401, "REFRESH_TOKEN_REUSED")


async def test_a_sign_in_over_http_may_be_repeated_under_its_key(nova: Nova) -> None:
    person = await nova.newcomer("impatient")
    body, headers = {"login": person.handle, "password": PASSWORD}, {"Idempotency-Key": "one-sign-in"}
    answers = [await nova.http.post("/auth/login", json=body, headers=headers) for _ in range(2)]
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1


@pytest.mark.parametrize("key", ['"', '""', "with a space", "k" * 129])
async def test_a_key_of_other_signs_is_refused_over_http(nova: Nova, key: str) -> None:
    person = await nova.newcomer("careless")
    refused = await refreshed(nova, person.refresh_token, **{"Idempotency-Key": key})
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_ARGUMENT")
    assert (await refreshed(nova, person.refresh_token)).status_code == 200
