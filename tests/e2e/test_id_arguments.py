"""A1 and Q8: an id of what is hidden, deleted, of another type or made up cannot be told from one that names nothing.

The places where ids are taken come from the schema: every field of every input, and every argument of a query.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLSchema,
    get_named_type,
    is_list_type,
    is_required_input_field,
)

from nova.gateway.global_ids import Kind, encode
from nova.platform.ids import uuid7
from tests.e2e.nova import Nova, Person
from tests.e2e.schema import introspected
from tests.e2e.test_refused_input import value

KINDS = {
    "userId": Kind.USER,
    "audienceUserIds": Kind.USER,
    "postId": Kind.POST,
    "postIds": Kind.POST,
    "commentId": Kind.COMMENT,
    "parentId": Kind.COMMENT,
    "storyId": Kind.STORY,
    "id": Kind.SESSION,
}
"""What an id of that name names."""
GARBAGE = ("", "x", "????", "dQ", "0" * 63, "A" * 500, "世界", "dQGiDzOiwHROkj2xj0wUn0U=")


@dataclass(frozen=True)
class Place:
    """A field of a mutation's input that takes an id."""

    verb: str
    field: str
    is_list: bool
    given: Mapping[str, Any]

    @property
    def kind(self) -> Kind:
        assert self.field in KINDS, f"{self.verb}({self.field}:) is new: say what it names"
        return KINDS[self.field]

    @property
    def takes_anything(self) -> bool:
        """Whether an id that names nothing is passed over: a post is for whom it names, and seen is what was seen."""
        return self.is_list


@dataclass(frozen=True)
class Secrets:
    """A viewer with a post of his own, and by kind what exists and is hidden from him, or seen by him."""

    viewer: Person
    own_post: str
    owner: Person
    blocker: Person
    hidden: Mapping[Kind, Mapping[str, str]]
    seen: Mapping[Kind, str]


@pytest.fixture(scope="module")
async def secrets(nova: Nova) -> Secrets:
    """Build an owner who hides from the viewer by a block, by an audience, and by having deleted things."""
    viewer, owner, friend = [await nova.newcomer(name) for name in ("viewer", "owner", "friend")]
    await nova.do("followUser", "state", friend, userId=owner.id)
    blocker = await nova.newcomer("blocker")
    hidden: dict[Kind, dict[str, str]] = {kind: {} for kind in Kind}
    for name, person, options in (
        ("blocker's", blocker, {}),
        ("for followers", owner, {"audience": "FOLLOWERS"}),
        ("deleted", owner, {}),
    ):
        post = hidden[Kind.POST][name] = await nova.publish(person, f"post {name}", **options)
        hidden[Kind.COMMENT][name] = await commented(nova, person, post)
        hidden[Kind.STORY][name] = await told(nova, person, **options)
    await nova.do("deletePost", "deletedPostId", owner, postId=hidden[Kind.POST]["deleted"])
    await nova.do("deleteStory", "deletedStoryId", owner, storyId=hidden[Kind.STORY]["deleted"])
    hidden[Kind.USER]["blocker"] = blocker.id
    await nova.do("blockUser", "user { id }", blocker, userId=viewer.id)
    hidden[Kind.SESSION]["another's"] = await session_of(nova, owner)
    post = await nova.publish(owner, "for everyone")
    seen = {
        Kind.USER: owner.id,
        Kind.POST: post,
        Kind.COMMENT: await commented(nova, owner, post),
        Kind.STORY: await told(nova, owner),
        Kind.SESSION: await session_of(nova, viewer),
    }
    gone = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    ids = [one for kind in hidden for one in hidden[kind].values() if kind is not Kind.SESSION]
    await nova.eventually(viewer, gone, {"nodes": [None] * len(ids)}, ids=ids)
    return Secrets(viewer, await nova.publish(viewer), owner, blocker, hidden, seen)


async def commented(nova: Nova, person: Person, post: str) -> str:
    made = await nova.do("addComment", "comment { id }", person, postId=post, text="a remark")
    comment: str = made["comment"]["id"]
    return comment


async def told(nova: Nova, person: Person, **options: Any) -> str:
    made = await nova.do(
        "createStory", "story { id }", person, mediaUrl="https://img.example/s.jpg", **options
    )
    story: str = made["story"]["id"]
    return story


async def session_of(nova: Nova, person: Person) -> str:
    asked = "{ viewer { sessions { edges { node { id } } } } }"
    session: str = (await nova.ask(asked, by=person)).data["viewer"]["sessions"]["edges"][0]["node"]["id"]
    return session


def places(schema: GraphQLSchema) -> Iterator[Place]:
    """Yield every place where a mutation takes an id."""
    assert schema.mutation_type is not None
    for verb, one in schema.mutation_type.fields.items():
        kind = get_named_type(one.args["input"].type)
        assert isinstance(kind, GraphQLInputObjectType)
        given = {
            name: value(schema, field)
            for name, field in kind.fields.items()
            if is_required_input_field(field)
        }
        for name, field in kind.fields.items():
            if get_named_type(field.type).name == "ID":
                bare = field.type.of_type if hasattr(field.type, "of_type") else field.type
                yield Place(verb, name, is_list_type(bare) or is_list_type(field.type), given)


async def outcome(nova: Nova, secrets: Secrets, place: Place, tried: str) -> str:
    """Return what the viewer is told about an id, without the id itself and the number of the request."""
    given = dict(place.given) | {place.field: [tried] if place.is_list else tried}
    if place.field == "audienceUserIds":
        given |= {"audience": "CHOSEN", "caption": "for somebody"}
    if "mediaUrl" in given:
        given["mediaUrl"] = "https://img.example/story.jpg"
    if place.field in {"parentId", "audienceUserIds"} and "postId" in given:
        given["postId"] = secrets.own_post if place.verb == "editPost" else secrets.seen[Kind.POST]
    kind = f"{place.verb[0].upper()}{place.verb[1:]}Input"
    document = (
        f"mutation($input: {kind}!) {{ {place.verb}(input: $input) "
        f"{{ __typename userErrors {{ code field message }} }} }}"
    )
    return plain((await nova.post(document, {"input": given}, by=secrets.viewer)).json(), tried)


def plain(answer: dict[str, Any], tried: str) -> str:
    """Return an answer as a text, without the number of the request and the id itself."""
    for error in answer.get("errors", ()):
        assert error["extensions"].pop("requestId")
    text = json.dumps(answer, sort_keys=True)
    return text.replace(json.dumps(tried), '"<the id>"')


def absent(kind: Kind) -> str:
    return encode(kind, uuid7().bytes)


async def test_a1_no_mutation_tells_a_hidden_id_from_an_absent_one(nova: Nova, secrets: Secrets) -> None:
    told_apart: list[str] = []
    for place in places(await introspected(nova)):
        expected = await outcome(nova, secrets, place, absent(place.kind))
        for name, one in secrets.hidden[place.kind].items():
            heard = await outcome(nova, secrets, place, one)
            if heard != expected:
                told_apart.append(f"{place.verb}({place.field}: {name})\n   {heard}\n   {expected}")
    assert told_apart == [], "\n".join(told_apart)


async def test_a1_no_mutation_tells_an_id_of_another_type_or_a_made_up_text_from_an_absent_id(
    nova: Nova, secrets: Secrets
) -> None:
    """Any text shows of what type an id is; whether it names something must not be told, nor be told apart."""
    told_apart: list[str] = []
    for place in places(await introspected(nova)):
        expected = await outcome(nova, secrets, place, absent(place.kind))
        assert place.takes_anything or "_NOT_FOUND" in expected, (place, expected)
        others = [one for kind, one in secrets.seen.items() if kind is not place.kind]
        others += [absent(kind) for kind in secrets.seen if kind is not place.kind]
        for one in (*others, *GARBAGE):
            heard = await outcome(nova, secrets, place, one)
            if heard != expected:
                told_apart.append(f"{place.verb}({place.field}: {one})\n   {heard}\n   {expected}")
    assert told_apart == [], "\n".join(told_apart)


async def test_a1_what_is_another_s_is_not_changed(nova: Nova, secrets: Secrets) -> None:
    """What is seen may be refused as another's; it stays as it is."""
    before = await as_owner(nova, secrets)
    for place in places(await introspected(nova)):
        if place.verb.startswith(("edit", "delete")) and place.kind is not Kind.USER:
            heard = await outcome(nova, secrets, place, secrets.seen[place.kind])
            assert '"code": "FORBIDDEN"' in heard or f"{place.kind.name}_NOT_FOUND" in heard, (place, heard)
    assert await as_owner(nova, secrets) == before


async def as_owner(nova: Nova, secrets: Secrets) -> Any:
    """Return what the owner sees of his own."""
    document = (
        "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Post { caption editedAt } "
        "... on Comment { text } ... on Story { story: caption } } }"
    )
    ids = [secrets.seen[kind] for kind in (Kind.POST, Kind.COMMENT, Kind.STORY)]
    shown = (await nova.ask(document, {"ids": ids}, by=secrets.owner)).data["nodes"]
    assert None not in shown
    return shown


QUERIES = {
    "node": "query($id: ID!) { node(id: $id) { __typename id } }",
    "nodes": "query($id: ID!) { nodes(ids: [$id]) { __typename id } }",
    "post": "query($id: ID!) { post(id: $id) { id author { id } likeCount } }",
    "pathTo": "query($id: ID!) { viewer { user { pathTo(userId: $id) { id } } } }",
}


@pytest.mark.parametrize("name", QUERIES)
async def test_q8_no_query_tells_a_hidden_id_from_an_absent_one(
    nova: Nova, secrets: Secrets, name: str
) -> None:
    async def heard(one: str) -> str:
        return plain((await nova.post(QUERIES[name], {"id": one}, by=secrets.viewer)).json(), one)

    for kind, hidden in secrets.hidden.items():
        for label, one in hidden.items():
            assert await heard(one) == await heard(absent(kind)), (kind, label)
    for one in GARBAGE:
        assert "errors" not in json.loads(await heard(one)), one


async def test_q8_no_handle_tells_a_blocker_from_nobody(nova: Nova, secrets: Secrets) -> None:
    async def heard(handle: str) -> str:
        asked = "query($handle: String!) { user(handle: $handle) { id } }"
        return plain((await nova.post(asked, {"handle": handle}, by=secrets.viewer)).json(), handle)

    assert await heard(secrets.blocker.handle) == await heard("nobody_has_this_one")
