"""A2: every field, for every kind of viewer, is what the policy says: no more, and no less.

The rows are the viewers and their relation to a subject, the columns the fields of the schema by the surface that they
lie on. What is expected is asked of `nova.policy.visibility` itself; a new field must be put on a surface here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_required_input_field,
)

from nova.policy.relations import Relation
from nova.policy.visibility import Audience, Surface, content, person
from tests.e2e import doors
from tests.e2e.nova import Nova, Person
from tests.e2e.schema import called, introspected
from tests.e2e.test_refused_input import value
from tests.waiting import until

CARD = {
    "id", "handle", "displayName", "bio", "avatarUrl", "createdAt", "isPrivate",
    "viewerFollows", "viewerRequested", "followsViewer", "viewerBlocks", "viewerMutes",
}  # fmt: skip
LISTS = {
    "followerCount": "followerCount",
    "followingCount": "followingCount",
    "postCount": "postCount",
    "posts": "posts { edges { node { id } } }",
    "stories": "stories { id }",
    "followers": "followers { edges { node { id } } }",
    "following": "following { edges { node { id } } }",
}
OWN = {"suggested": "suggested { user { id } }"}
WALKED = {"pathTo"}
"""Goes by the lists of those on the way: see the walk of the blocked one."""
POST_FOR_ALL = {
    "id", "author", "caption", "contentType", "tags", "createdAt", "editedAt", "media", "likeCount", "commentCount",
    "shareCount", "viewerHasLiked", "viewerHasShared", "comments", "likers",
}  # fmt: skip
POST_FOR_AUTHOR = {"edits"}
OPEN = {"signUp", "signIn", "refreshSession", "requestPasswordReset", "resetPassword", "verifyEmail"}

ROLES = {
    "stranger": Relation.NONE,
    "follower": Relation.FOLLOWS,
    "followed": Relation.FOLLOWED_BY,
    "requester": Relation.REQUESTED,
    "blocked": Relation.BLOCKED_BY,
    "blocker": Relation.BLOCKS,
    "muter": Relation.MUTES | Relation.FOLLOWS,
    "chosen": Relation.NONE,
    "moderator": Relation.NONE,
    "owner": Relation.SELF,
}
"""A moderator sees what a stranger sees; only his deletions go further."""
SHUT_OUT = ("suspended", "signed_out")
"""Followers who are in no more. With the tokens of before they get nothing, and both the same nothing."""


@dataclass
class Subject:
    """Somebody looked at by everybody; `posts` and `stories` by audience, all chosen for the viewer `chosen`."""

    person: Person
    private: bool
    viewers: dict[str, Person] = field(default_factory=dict)
    posts: dict[Audience, str] = field(default_factory=dict)
    stories: dict[Audience, str] = field(default_factory=dict)

    def relation(self, role: str) -> Relation:
        return ROLES[role] | (Relation.PRIVATE if self.private and role != "owner" else Relation.NONE)

    def roles(self) -> list[str]:
        """Return who there is: only a private account is asked for its consent."""
        return [role for role in ROLES if self.private or role != "requester"]

    def sees(self, role: str, audience: Audience) -> bool:
        chosen = role == "chosen"
        return content(self.relation(role), audience, Surface.POST, chosen=chosen).shown


@pytest.fixture(scope="module", params=["public", "private"])
async def subject(nova: Nova, request: pytest.FixtureRequest) -> Subject:
    name = str(request.param)
    made = Subject(await nova.newcomer(f"{name}_subject"), private=name == "private")
    owner = made.person
    for role in made.roles():
        made.viewers[role] = owner if role == "owner" else await nova.newcomer(f"{name}_{role}")
    for role in SHUT_OUT:
        made.viewers[role] = await nova.newcomer(f"{name}_{role}")
    made.viewers["moderator"] = await nova.promoted(made.viewers["moderator"], "moderator")
    viewers = made.viewers
    for role in ("follower", "muter", "blocked", "blocker", *SHUT_OUT):
        await nova.do("followUser", "state", viewers[role], userId=owner.id)
    for role in ("followed", "blocked"):
        await nova.do("followUser", "state", owner, userId=viewers[role].id)
    for audience in Audience:
        options: dict[str, Any] = {"audience": audience.name}
        if audience is Audience.CHOSEN:
            options["audienceUserIds"] = [viewers["chosen"].id]
        made.posts[audience] = await nova.publish(owner, f"for {audience.name}", **options)
        story = await nova.do(
            "createStory", "story { id }", owner, mediaUrl="https://img.example/s.jpg", **options
        )
        made.stories[audience] = story["story"]["id"]
    await nova.do("editPost", "post { id }", owner, postId=made.posts[Audience.EVERYONE], caption="edited")
    if made.private:
        await nova.do("updateProfile", "user { isPrivate }", owner, isPrivate=True)
        flag = "query($id: ID!) { node(id: $id) { ... on User { isPrivate } } }"
        await nova.eventually(viewers["requester"], flag, {"node": {"isPrivate": True}}, id=owner.id)
        asked = await nova.do("followUser", "state", viewers["requester"], userId=owner.id)
        assert asked["state"] == "REQUESTED"
    await nova.do("muteUser", "user { id }", viewers["muter"], userId=owner.id)
    await nova.do("blockUser", "user { id }", viewers["blocker"], userId=owner.id)
    await nova.do("blockUser", "user { id }", owner, userId=viewers["blocked"].id)
    await settled(nova, made)
    await nova.suspend(viewers["suspended"])
    await nova.do("signOut", "userErrors { code }", viewers["signed_out"])
    for role in SHUT_OUT:
        for door in doors.all_of(nova).values():
            await until(partial(doors.closed, door, nova, viewers[role].token))
    return made


async def settled(nova: Nova, subject: Subject) -> None:
    """Wait until graph has heard of blocks, mutes and privacy: these come by events."""
    flags = "query($id: ID!) { node(id: $id) { ... on User { viewerBlocks viewerMutes } } }"
    owner = subject.person
    await nova.eventually(subject.viewers["blocked"], flags, {"node": None}, id=owner.id)
    for role, expected in (("blocker", (True, False)), ("muter", (False, True))):
        shown = dict(zip(("viewerBlocks", "viewerMutes"), expected, strict=True))
        await nova.eventually(subject.viewers[role], flags, {"node": shown}, id=owner.id)
    if subject.private:
        posts = "query($id: ID!) { post(id: $id) { id } }"
        everyone = subject.posts[Audience.EVERYONE]
        await nova.eventually(subject.viewers["stranger"], posts, {"post": None}, id=everyone)


async def test_every_field_is_on_a_surface(nova: Nova) -> None:
    kinds = (await introspected(nova)).type_map
    assert set(kinds["User"].fields) == CARD | set(LISTS) | set(OWN) | WALKED  # type: ignore[attr-defined]
    assert set(kinds["Post"].fields) == POST_FOR_ALL | POST_FOR_AUTHOR  # type: ignore[attr-defined]


async def test_a2_fields_of_a_person_are_as_the_policy_says(nova: Nova, subject: Subject) -> None:
    parts = [" ".join(CARD | {"followerCount"}), *LISTS.values(), *OWN.values()]
    as_owner = await fields(nova, subject, "owner", parts)
    assert as_owner is not None
    assert as_owner["postCount"] == len(as_owner["posts"]) == 3
    assert len(as_owner["stories"]) == 3
    assert as_owner["followerCount"] == len(as_owner["followers"]) == 2 + len(SHUT_OUT)
    assert as_owner["followingCount"] == len(as_owner["following"]) == 1
    for role in subject.roles():
        relation = subject.relation(role)
        shown = await fields(nova, subject, role, parts)
        assert (shown is not None) == person(relation, Surface.CARD).shown, role
        if shown is None:
            continue
        assert flags_of(shown) == relation & ~(Relation.PRIVATE | Relation.SELF), role
        assert {name: shown[name] for name in ("handle", "displayName", "isPrivate")} == {
            name: as_owner[name] for name in ("handle", "displayName", "isPrivate")
        }
        lists_open = person(relation, Surface.LISTS).shown
        for name in ("followers", "following"):
            assert shown[name] == (as_owner[name] if lists_open else []), (role, name)
        for name, count in (
            ("followers", "followerCount"),
            ("following", "followingCount"),
            ("posts", "postCount"),
        ):
            assert shown[count] == len(shown[name]), (role, name)
        for name, made in (("posts", subject.posts), ("stories", subject.stories)):
            visible = {made[audience] for audience in Audience if subject.sees(role, audience)}
            assert set(shown[name]) == (visible if lists_open else set()), (role, name)


async def fields(nova: Nova, subject: Subject, role: str, parts: list[str]) -> dict[str, Any] | None:
    """Return the fields of the subject as a viewer sees them, lists as ids; None when he sees nobody."""
    found: dict[str, Any] = {}
    for part in parts:
        document = f"query($id: ID!) {{ node(id: $id) {{ ... on User {{ {part} }} }} }}"
        node = (await nova.ask(document, {"id": subject.person.id}, by=subject.viewers[role])).data["node"]
        if node is None:
            return None
        found |= {name: ids(one) for name, one in node.items()}
    return found


def ids(one: Any) -> Any:
    """Return the ids of a list; what is no list stays as it is."""
    if isinstance(one, dict) and "edges" in one:
        return [edge["node"]["id"] for edge in one["edges"]]
    if isinstance(one, list):
        return [entry["id"] if "id" in entry else entry["user"]["id"] for entry in one]
    return one


def flags_of(shown: dict[str, Any]) -> Relation:
    """Return the relation that the flags of a user tell."""
    bits = {
        "viewerFollows": Relation.FOLLOWS,
        "viewerRequested": Relation.REQUESTED,
        "followsViewer": Relation.FOLLOWED_BY,
        "viewerBlocks": Relation.BLOCKS,
        "viewerMutes": Relation.MUTES,
    }
    told = Relation.NONE
    for name, bit in bits.items():
        if shown[name]:
            told |= bit
    return told


@pytest.mark.parametrize("audience", Audience)
async def test_a2_posts_and_stories_are_as_the_policy_says(
    nova: Nova, subject: Subject, audience: Audience
) -> None:
    document = (
        "query($post: ID!, $story: ID!) { post(id: $post) { id author { id } edits { edges { node { caption } } } } "
        "story: node(id: $story) { id } }"
    )
    variables = {"post": subject.posts[audience], "story": subject.stories[audience]}
    for role in subject.roles():
        data = (await nova.ask(document, variables, by=subject.viewers[role])).data
        sees = subject.sees(role, audience)
        assert (data["post"] is not None) == sees, role
        assert (data["story"] is not None) == sees, role
        if sees:
            assert data["post"]["author"] == {"id": subject.person.id}
            assert (data["post"]["edits"] is not None) == (role == "owner"), role


@pytest.mark.parametrize("audience", Audience)
async def test_a2_only_who_sees_a_post_can_react_to_it(
    nova: Nova, subject: Subject, audience: Audience
) -> None:
    post = subject.posts[audience]
    for role in subject.roles():
        by = subject.viewers[role]
        told = [
            await nova.attempt("likePost", "post { id }", by, postId=post),
            await nova.attempt("sharePost", "post { id }", by, postId=post),
            await nova.attempt("addComment", "comment { id }", by, postId=post, text=f"by {role}"),
            await nova.attempt("unsharePost", "post { id }", by, postId=post),
            await nova.attempt("unlikePost", "post { id }", by, postId=post),
        ]
        expected = [] if subject.sees(role, audience) else ["POST_NOT_FOUND"]
        assert [[error["code"] for error in one["userErrors"]] for one in told] == [expected] * 5, role


@pytest.mark.parametrize("audience", [Audience.FOLLOWERS, Audience.CHOSEN])
async def test_d1_of_those_who_may_not_see_something_a_moderator_alone_deletes_it(
    nova: Nova, subject: Subject, audience: Audience
) -> None:
    owner, chosen = subject.person, subject.viewers["chosen"]
    options: dict[str, Any] = {"audience": audience.name}
    if audience is Audience.CHOSEN:
        options["audienceUserIds"] = [chosen.id]
    post = await nova.publish(owner, "to be taken down", **options)
    comment = await nova.do("addComment", "comment { id }", owner, postId=post, text="to be taken down first")
    story = await nova.do(
        "createStory", "story { id }", owner, mediaUrl="https://img.example/s.jpg", **options
    )
    things = {
        "deleteComment": {"commentId": comment["comment"]["id"]},
        "deletePost": {"postId": post},
        "deleteStory": {"storyId": story["story"]["id"]},
    }
    for verb, thing in things.items():
        unseen = [[f"{verb.removeprefix('delete').upper()}_NOT_FOUND"]]
        for role in ("stranger", "blocked", "blocker"):
            assert [
                codes(await nova.attempt(verb, "__typename", subject.viewers[role], **thing))
            ] == unseen, role
        moderator = subject.viewers["moderator"]
        assert codes(await nova.attempt(verb, "__typename", moderator, **thing)) == [], verb
        assert [codes(await nova.attempt(verb, "__typename", moderator, **thing))] == unseen, verb
        assert [codes(await nova.attempt(verb, "__typename", owner, **thing))] == unseen, verb


def codes(payload: dict[str, Any]) -> list[str]:
    """Return the codes of a payload's errors."""
    return [error["code"] for error in payload["userErrors"]]


async def test_a2_feeds_are_as_the_policy_says(nova: Nova, subject: Subject) -> None:
    for role in subject.roles():
        relation = subject.relation(role)
        shown = await nova.feed(subject.viewers[role])
        expected = {
            post
            for audience, post in subject.posts.items()
            if relation & (Relation.FOLLOWS | Relation.SELF)
            and content(relation, audience, Surface.FEED).shown
        }
        assert set(shown) & set(subject.posts.values()) == expected, role
        explored = await nova.ask(
            "{ explore(first: 100) { edges { node { author { id } } } } }", by=subject.viewers[role]
        )
        authors = {edge["node"]["author"]["id"] for edge in explored.data["explore"]["edges"]}
        if not person(relation, Surface.FEED).shown or relation & Relation.FOLLOWS or subject.private:
            assert subject.person.id not in authors, role


async def test_a2_a_follow_is_refused_where_a_block_stands(nova: Nova, subject: Subject) -> None:
    for role in ("blocked", "blocker"):
        told = await nova.attempt("followUser", "state", subject.viewers[role], userId=subject.person.id)
        assert [error["code"] for error in told["userErrors"]] == ["USER_NOT_FOUND"], role


@pytest.mark.parametrize("subject", ["private"], indirect=True, scope="module")
async def test_a4_a_pending_request_opens_nothing(nova: Nova, subject: Subject) -> None:
    parts = [*LISTS.values()]
    assert await fields(nova, subject, "requester", parts) == await fields(nova, subject, "stranger", parts)


async def test_a2_without_a_token_every_query_and_mutation_is_refused(nova: Nova) -> None:
    for name, document, variables in roots(await introspected(nova)):
        answer = await nova.ask(document, variables)
        if name not in OPEN:
            assert answer.code == "UNAUTHENTICATED", name
            assert "data" not in answer, name


async def test_a2_a_suspended_viewer_gets_what_an_ended_session_gets(nova: Nova, subject: Subject) -> None:
    schema = await introspected(nova)
    for name, document in fields_of(schema, subject):
        assert "errors" not in await nova.ask(document, by=subject.viewers["follower"]), name
        await refused_alike(nova, subject, document)
    for _, document, variables in roots(schema):
        await refused_alike(nova, subject, document, variables)
    for name, door in doors.all_of(nova).items():
        assert not await door(nova, subject.viewers["suspended"].token), name


async def refused_alike(
    nova: Nova, subject: Subject, document: str, variables: Mapping[str, Any] | None = None
) -> None:
    """Check that all who are shut out get one and the same answer, and nothing in it."""
    told = []
    for role in SHUT_OUT:
        answer = await nova.ask(document, variables, by=subject.viewers[role])
        (error,) = answer["errors"]
        assert error["extensions"].pop("requestId")
        told.append(answer)
    extensions = {"code": "UNAUTHENTICATED", "reason": "REVOKED_TOKEN"}
    assert told[0]["errors"][0]["extensions"] == extensions, document
    assert "data" not in told[0], document
    assert told[0] == told[1], document


def fields_of(schema: GraphQLSchema, subject: Subject) -> Iterator[tuple[str, str]]:
    """Yield a document for each field of the table, asked of the subject and of what its followers see."""
    person, post = subject.person.id, subject.posts[Audience.FOLLOWERS]
    of_person = CARD | set(LISTS) | set(OWN) | WALKED
    table = {"User": (person, of_person), "Post": (post, POST_FOR_ALL | POST_FOR_AUTHOR)}
    for kind, (node, names) in table.items():
        for name in sorted(names):
            one = schema.type_map[kind].fields[name]  # type: ignore[attr-defined]
            shown = "" if is_leaf_type(get_named_type(one.type)) else "{ __typename }"
            asked = f"{called(name, one, person)} {shown}"
            yield f"{kind}.{name}", f'{{ node(id: "{node}") {{ ... on {kind} {{ {asked} }} }} }}'


def roots(schema: GraphQLSchema) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield every query and mutation with a document for it."""
    assert schema.query_type is not None
    assert schema.mutation_type is not None
    for name, one in schema.query_type.fields.items():
        yield name, f"{{ {called(name, one, 'x')} {{ __typename }} }}", {}
    for verb, one in schema.mutation_type.fields.items():
        kind = get_named_type(one.args["input"].type)
        assert isinstance(kind, GraphQLInputObjectType)
        given = {
            name: value(schema, item) for name, item in kind.fields.items() if is_required_input_field(item)
        }
        document = f"mutation($input: {kind.name}!) {{ {verb}(input: $input) {{ userErrors {{ code }} }} }}"
        yield verb, document, {"input": given}
