"""The schema as a whole."""

from collections.abc import Sequence

import strawberry
from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema
from strawberry.schema.config import StrawberryConfig
from strawberry.types.field import StrawberryField

from nova.gateway.context import Info, RequestContext
from nova.gateway.executor import Attribute
from nova.gateway.facts import Asked, Page, Rpc, Stage, facts_by
from nova.gateway.global_ids import GlobalId, Kind, bytes_of, decode
from nova.gateway.schema.calls import (
    COMMENTS,
    HANDLES,
    POSTS,
    STATES,
    STORIES,
    asks_states,
    people,
    presented,
)
from nova.gateway.schema.content import Media, Post, Story, Wanted, load_post, show_posts, show_stories
from nova.gateway.schema.feed import FeedMutations, FeedQueries
from nova.gateway.schema.fields import field
from nova.gateway.schema.identity import IdentityMutations
from nova.gateway.schema.muted_words import MutedWordMutations
from nova.gateway.schema.node import Node
from nova.gateway.schema.people import GraphMutations, UserMutations
from nova.gateway.schema.publishing import ContentMutations
from nova.gateway.schema.social import Comment, SocialMutations, show_comments
from nova.gateway.schema.user import User, load_users
from nova.gateway.schema.viewer import Viewer
from nova.platform.errors import InvalidArgument, Unavailable
from nova.policy import rules

_READ_BY: dict[Kind, Rpc] = {
    Kind.POST: POSTS,
    Kind.MEDIA: POSTS,
    Kind.COMMENT: COMMENTS,
    Kind.STORY: STORIES,
    Kind.STORY_MEDIA: STORIES,
}
_AUTHORED = frozenset({Kind.POST, Kind.COMMENT, Kind.STORY})


def _nodes_stages(asked: Asked) -> Sequence[Stage]:
    """Return the stages for the ids that are asked for: each kind by its own call, then the authors of all."""
    given = asked.arguments.get("ids", [asked.arguments.get("id")])
    ids = given if isinstance(given, list) else [given]
    kinds = [found.kind for one in ids if isinstance(one, str) and (found := decode(one))]
    first: list[Rpc] = [
        Rpc(read.method, sum(_READ_BY.get(kind) is read for kind in kinds))
        for read in dict.fromkeys(_READ_BY[kind] for kind in kinds if kind in _READ_BY)
    ]
    users = sum(kind is Kind.USER for kind in kinds)
    if users:
        first.extend(people(users))
    works, posts = sum(kind in _AUTHORED for kind in kinds), sum(kind is Kind.POST for kind in kinds)
    second: Stage = ()
    if works:
        second += people(works) if asked.selects("author") else ()
        second += (Rpc(STATES.method, posts),) if posts and asks_states(asked.selects) else ()
    return [tuple(first), second] if second else [tuple(first)]


@strawberry.type
class Query(FeedQueries):
    """What can be asked."""

    @field(description="The signed-in person.")
    async def viewer(self, info: Info) -> Viewer | None:
        """Return the signed-in person."""
        _ = info.context.viewer
        return Viewer()

    @field(
        description="An entity by its id; null when it does not exist for the viewer.",
        metadata=facts_by(_nodes_stages),
    )
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:  # noqa: A002 - the contract's name
        """Return an entity."""
        (node,) = await _nodes(info, [id])
        if node is None and info.context.degraded:
            raise Unavailable("Whether it exists cannot be said now: try again.")
        return node

    @field(
        description="Entities by their ids, 100 at most; null in the place of each that does not exist.",
        metadata=facts_by(_nodes_stages, page=Page(argument="ids")),
    )
    async def nodes(self, info: Info, ids: list[strawberry.ID]) -> list[Node | None]:
        """Return entities."""
        return await _nodes(info, ids)

    @field(
        description="A person by handle; null when there is none for the viewer.",
        metadata=facts_by(lambda _asked: [(HANDLES,), people()]),
    )
    async def user(self, info: Info, handle: str) -> User | None:
        """Return a person."""
        try:
            wanted = rules.handle(handle)
        except InvalidArgument:
            return None
        user_id = await info.context.readers.handles.load(wanted)
        if user_id is None:
            return None
        (user,) = await load_users(info.context, [user_id])
        return user

    @field(
        description="A post by its id; null when it does not exist for the viewer.",
        metadata=facts_by(lambda asked: [(POSTS,), *presented(asked)]),
    )
    async def post(self, info: Info, id: strawberry.ID) -> Post | None:  # noqa: A002 - the contract's name
        """Return a post."""
        return await load_post(info, bytes_of(id, Kind.POST))


@strawberry.type
class Mutation(
    IdentityMutations,
    UserMutations,
    MutedWordMutations,
    GraphMutations,
    ContentMutations,
    SocialMutations,
    FeedMutations,
):
    """What can be changed."""


async def _nodes(info: Info, ids: Sequence[str]) -> list[Node | None]:
    """Return the entities of ids, all kinds asked for together and then the authors of all."""
    readers, context = info.context.readers, info.context
    places = [decode(one) for one in ids]
    keys = {kind: [place.uuid.bytes for place in places if place and place.kind is kind] for kind in Kind}
    readers.people.want(keys[Kind.USER])
    readers.posts.want(keys[Kind.POST] + keys[Kind.MEDIA])
    readers.stories.want(keys[Kind.STORY] + keys[Kind.STORY_MEDIA])
    readers.comments.want(keys[Kind.COMMENT])
    posts = await readers.load_or_without("content", readers.posts, keys[Kind.POST])
    stories = await readers.load_or_without("content", readers.stories, keys[Kind.STORY])
    comments = await readers.load_or_without("social", readers.comments, keys[Kind.COMMENT])
    wanted = Wanted.below(info)
    if wanted.authors:
        works = [*posts, *stories, *comments]
        readers.people.want([work.author_id for work in works if work])
    shown: dict[Kind, Sequence[Node | None]] = {
        Kind.USER: await load_users(context, keys[Kind.USER]),
        Kind.POST: await show_posts(context, posts, wanted),
        Kind.STORY: await show_stories(context, stories, authors=wanted.authors),
        Kind.COMMENT: await show_comments(context, comments, authors=wanted.authors),
    }
    by_id = {
        (kind, key): node
        for kind, nodes in shown.items()
        for key, node in zip(keys[kind], nodes, strict=True)
    }
    return [
        by_id.get((place.kind, place.uuid.bytes)) or await _medium(context, place) if place else None
        for place in places
    ]


async def _medium(context: RequestContext, place: GlobalId) -> Media | None:
    """Return a medium of a post or story that was loaded before; None for all else."""
    key, readers = place.uuid.bytes, context.readers
    if place.kind is Kind.MEDIA:
        (post,) = await readers.load_or_without("content", readers.posts, [key])
        media = Post.of(post, None).media if post else []
        return media[place.place] if place.place < len(media) else None
    if place.kind is Kind.STORY_MEDIA:
        (story,) = await readers.load_or_without("content", readers.stories, [key])
        return Story.of(story, None).media if story else None
    return None


def build_schema() -> GraphQLSchema:
    """Return the schema, ready to execute."""
    schema = strawberry_schema()._schema  # noqa: SLF001 - the executor's own form; strawberry has no other door
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            for known in kind.fields.values():
                _read_directly(known)
    return schema


def _read_directly(known: GraphQLField) -> None:
    """Let a field without a resolver read its attribute: a page has a thousand of them."""
    definition = known.extensions.get("strawberry-definition")
    if isinstance(definition, StrawberryField) and definition.is_basic_field:
        known.resolve = Attribute(definition.python_name)


def strawberry_schema() -> strawberry.Schema:
    """Return the schema as strawberry made it, for printing."""
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        types=[User, Post, Story, Comment, Media],
        config=StrawberryConfig(info_class=Info),
    )
