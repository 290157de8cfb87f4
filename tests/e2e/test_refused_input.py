"""Q10 and A3: input that breaks a rule is refused with its field, at the gateway and again in the room."""

from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest
from google.rpc.status_pb2 import Status
from graphql import (
    GraphQLInputObjectType,
    GraphQLNonNull,
    GraphQLSchema,
    get_named_type,
    is_list_type,
    is_required_input_field,
)
from grpc.aio import AioRpcError

from nova.api.content.v1 import content_pb2
from nova.api.content.v1.content_pb2_grpc import ContentServiceStub
from tests.e2e import doors
from tests.e2e.nova import Nova, Person
from tests.e2e.schema import introspected

FAMILY = "👨‍👩‍👧‍👦"
"""One glyph, seven characters."""
VALUES = {"String": "text", "ID": "id", "Int": 1, "Boolean": True, "DateTime": "2030-01-01T00:00:00Z"}


@dataclass(frozen=True)
class Draft:
    """A post, as both doors take it."""

    caption: str = "a caption"
    urls: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)

    def graphql(self) -> dict[str, Any]:
        return {"caption": self.caption, "mediaUrls": self.urls, "tags": self.tags}

    def proto(self) -> content_pb2.CreatePostRequest:
        kind = content_pb2.CONTENT_TYPE_IMAGE if self.urls else content_pb2.CONTENT_TYPE_TEXT
        return content_pb2.CreatePostRequest(
            caption=self.caption,
            content_type=kind,
            tags=self.tags,
            media=[content_pb2.MediaLink(url=url, kind=content_pb2.MEDIA_KIND_IMAGE) for url in self.urls],
            audience=content_pb2.AUDIENCE_EVERYONE,
        )


def urls(count: int) -> list[str]:
    return [f"https://img.example/{number}.jpg" for number in range(count)]


def tags(count: int) -> list[str]:
    return [f"tag_{number}" for number in range(count)]


BROKEN: dict[str, tuple[Draft, str, str]] = {
    "q10_2001_characters": (Draft("a" * 2001), "caption", "caption"),
    "q10_2001_wide_characters": (Draft("世" * 2001), "caption", "caption"),
    "q10_2001_characters_in_286_glyphs": (Draft(FAMILY * 286), "caption", "caption"),
    "q10_2001_characters_after_composition": (Draft("e\u0301" * 2001), "caption", "caption"),
    "q10_a_text_turned_round": (Draft("a\u202eb"), "caption", "caption"),
    "q10_a_nul": (Draft("a\x00b"), "caption", "caption"),
    "q10_11_urls": (Draft(urls=urls(11)), "mediaUrls", "media_urls"),
    "q10_a_url_of_a_script": (Draft(urls=["javascript:alert(1)"]), "mediaUrls", "media_urls"),
    "q10_a_url_with_a_password": (Draft(urls=["https://a:b@img.example/"]), "mediaUrls", "media_urls"),
    "q10_a_url_that_climbs": (Draft(urls=["/media/../secrets"]), "mediaUrls", "media_urls"),
    "q10_31_tags": (Draft(tags=tags(31)), "tags", "tags"),
    "q10_a_tag_with_a_dash": (Draft(tags=["a-b"]), "tags", "tags"),
    "q10_a_tag_with_a_newline": (Draft(tags=["ab\n"]), "tags", "tags"),
    "q10_an_empty_tag": (Draft(tags=[""]), "tags", "tags"),
    "q10_a_tag_of_other_letters": (Draft(tags=["世界"]), "tags", "tags"),
}
ALLOWED = {
    "2000_characters": Draft("a" * 2000),
    "2000_wide_characters": Draft("世" * 2000),
    "2000_characters_after_composition": Draft("e\u0301" * 2000),
    "10_urls_and_30_tags": Draft(urls=urls(10), tags=tags(30)),
}


@pytest.fixture(scope="module")
async def author(nova: Nova) -> Person:
    return await nova.newcomer("author")


async def posts(nova: Nova, author: Person) -> int:
    count: int = (await nova.ask("{ viewer { user { postCount } } }", by=author)).data["viewer"]["user"][
        "postCount"
    ]
    return count


@pytest.mark.parametrize("name", BROKEN)
async def test_it_is_refused_with_its_field_by_the_gateway(nova: Nova, author: Person, name: str) -> None:
    draft, path, _ = BROKEN[name]
    before = await posts(nova, author)
    answer = await nova.ask(
        "mutation($input: CreatePostInput!) { createPost(input: $input) { post { id } userErrors { code field } } }",
        {"input": draft.graphql()},
        by=author,
    )
    if "errors" in answer:
        assert answer.code == "BAD_USER_INPUT"
    else:
        assert answer.data["createPost"]["post"] is None
        (error,) = answer.data["createPost"]["userErrors"]
        assert error == {"code": "INVALID_ARGUMENT", "field": [path]}
    assert await posts(nova, author) == before


async def test_q10_each_of_these_is_refused_with_its_field_by_the_room_too(
    apart: Nova, author: Person
) -> None:
    async with apart.room("content") as channel:
        stub: Any = ContentServiceStub(channel)
        for name, (draft, _, path) in BROKEN.items():
            with pytest.raises(AioRpcError) as refused:
                await stub.CreatePost(draft.proto(), timeout=10, metadata=doors.bearer(author.token))
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT, name
            assert fields(refused.value) == [path], name


def fields(error: AioRpcError) -> list[str]:
    """Return the fields at fault (google.rpc.BadRequest)."""
    raw = dict(error.trailing_metadata() or ())["grpc-status-details-bin"]
    found = BadRequest()
    for detail in Status.FromString(raw if isinstance(raw, bytes) else raw.encode()).details:
        if detail.Unpack(found):
            break
    return [violation.field for violation in found.field_violations]


@pytest.mark.parametrize("name", ALLOWED)
async def test_q10_what_is_just_allowed_is_taken(nova: Nova, author: Person, name: str) -> None:
    await nova.do("createPost", "post { id }", author, **ALLOWED[name].graphql())


async def test_a3_unknown_members_of_every_input_are_errors(nova: Nova, author: Person) -> None:
    schema = await introspected(nova)
    assert schema.mutation_type is not None
    for verb, one in schema.mutation_type.fields.items():
        kind = get_named_type(one.args["input"].type)
        assert isinstance(kind, GraphQLInputObjectType)
        filled = {
            name: value(schema, given)
            for name, given in kind.fields.items()
            if is_required_input_field(given)
        }
        document = f"mutation($input: {kind.name}!) {{ {verb}(input: $input) {{ userErrors {{ code }} }} }}"
        answer = await nova.ask(document, {"input": {**filled, "isAdmin": True}}, by=author)
        assert answer.code == "BAD_USER_INPUT", verb
        assert "isAdmin" in answer["errors"][0]["message"], verb
        assert "data" not in answer, verb


async def test_a3_unknown_arguments_of_every_query_are_errors(nova: Nova, author: Person) -> None:
    schema = await introspected(nova)
    assert schema.query_type is not None
    for name in schema.query_type.fields:
        answer = await nova.ask(f"{{ {name}(asAdmin: true) {{ __typename }} }}", by=author)
        assert any("asAdmin" in error["message"] for error in answer["errors"]), name
        assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_USER_INPUT"}, name


async def test_a3_unknown_members_of_a_sign_in_are_errors(nova: Nova) -> None:
    body = {"login": "a", "password": "b", "roles": ["admin"]}
    answer = await nova.http.post("/auth/login", json=body)
    assert answer.status_code == 400
    assert answer.json()["field"] == "roles"


def value(schema: GraphQLSchema, given: Any) -> Any:
    """Return something of the type of an input field."""
    inner = given.type.of_type if isinstance(given.type, GraphQLNonNull) else given.type
    if is_list_type(inner):
        return []
    return VALUES[get_named_type(given.type).name]
