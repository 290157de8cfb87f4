"""People as the viewer sees them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from nova.api.content.v1 import content_pb2
from nova.api.graph.v1 import graph_pb2
from nova.gateway.connections import Connection, Found, first_or_default, found
from nova.gateway.context import Info, RequestContext
from nova.gateway.facts import Asked, Page, Rpc, Stage, facts, facts_by, whole
from nova.gateway.global_ids import Kind, bytes_of, encode
from nova.gateway.readers import Person
from nova.gateway.schema.calls import (
    FOLLOW_COUNTS,
    POST_COUNTS,
    STATES,
    STORIES_OF,
    asks_states,
    listed,
    people,
    single,
)
from nova.gateway.schema.fields import field
from nova.gateway.schema.node import Node
from nova.policy.relations import Relation

if TYPE_CHECKING:
    from nova.gateway.schema.content import Post, Story

_SUGGESTIONS_MOST = 50
_MUTUALS_MOST = 3
_STORIES_DEFAULT, _STORIES_MOST = 20, 100
_PATH_MOST = 7
"""People on the longest path that graph looks for, both ends included."""


def _stories_stages(asked: Asked) -> Sequence[Stage]:
    return [(Rpc(STORIES_OF.method, variant=str(asked.size)),)]


@strawberry.type(description="A person.")
class User(Node):
    """A person, with the viewer's relation to him."""

    uuid: strawberry.Private[bytes]
    handle: str
    display_name: str
    bio: str | None
    avatar_url: str | None = strawberry.field(description="An absolute URL, or a path under /media/.")
    created_at: datetime
    is_private: bool
    viewer_follows: bool
    viewer_requested: bool = strawberry.field(description="Whether the viewer waits for this one's consent.")
    follows_viewer: bool
    viewer_blocks: bool
    viewer_mutes: bool

    @classmethod
    def of(cls, person: Person) -> "User":
        """Return the entity of a person who may be shown."""
        profile, relation = person.profile, person.relation or Relation.NONE
        return cls(
            id=strawberry.ID(encode(Kind.USER, profile.user_id)),
            uuid=profile.user_id,
            handle=profile.handle,
            display_name=profile.display_name,
            bio=profile.bio or None,
            avatar_url=profile.avatar_url or None,
            created_at=profile.created_at.ToDatetime(tzinfo=UTC),
            is_private=profile.is_private,
            viewer_follows=bool(relation & Relation.FOLLOWS),
            viewer_requested=bool(relation & Relation.REQUESTED),
            follows_viewer=bool(relation & Relation.FOLLOWED_BY),
            viewer_blocks=bool(relation & Relation.BLOCKS),
            viewer_mutes=bool(relation & Relation.MUTES),
        )

    @field(description="As many as `followers` can show the viewer.", metadata=facts((FOLLOW_COUNTS,)))
    async def follower_count(self, info: Info) -> int:
        """Count the followers."""
        counts = await info.context.readers.follow_counts.load(self.uuid)
        return counts.follower_count if counts else 0

    @field(description="As many as `following` can show the viewer.", metadata=facts((FOLLOW_COUNTS,)))
    async def following_count(self, info: Info) -> int:
        """Count whom this one follows."""
        counts = await info.context.readers.follow_counts.load(self.uuid)
        return counts.following_count if counts else 0

    @field(description="As many as `posts` can show the viewer.", metadata=facts((POST_COUNTS,)))
    async def post_count(self, info: Info) -> int:
        """Count the posts."""
        return await info.context.readers.post_counts.load(self.uuid) or 0

    @field(
        description="Newest first, as far as the viewer may see.",
        metadata=facts_by(
            lambda asked: [
                (single("content.ListPostsByAuthor"),),
                *([(Rpc(STATES.method, asked.size),)] if asks_states(asked.selects, "edges", "node") else []),
            ],
            page=Page(),
        ),
    )
    async def posts(
        self, info: Info, first: int | None = strawberry.UNSET, after: str | None = strawberry.UNSET
    ) -> Connection[Annotated["Post", strawberry.lazy("nova.gateway.schema.content")]]:
        """List the posts."""
        from nova.gateway.schema.content import Post  # noqa: PLC0415 - posts have authors: each needs the other

        context = info.context
        listing = context.listing(f"user.posts:{self.uuid.hex()}", after)
        request = content_pb2.ListPostsByAuthorRequest(
            author_id=self.uuid, page_size=first_or_default(first), page_token=listing.token()
        )
        answer = await context.list_or_nothing(
            "content",
            context.rooms.content.ListPostsByAuthor,
            request,
            content_pb2.ListPostsByAuthorResponse(),
        )
        ids = [post.post_id for post in answer.posts]
        asked = asks_states(info.asks, "edges", "node")
        states = dict(zip(ids, await context.readers.states.load_many(ids), strict=True)) if asked else {}
        page = found(answer.posts, lambda post: post.page_token, answer.next_page_token)
        return listing.page(page, lambda post: Post.of(post, self, states.get(post.post_id)))

    @field(
        description="Those that have not expired, oldest first: the newest `first` of them. "
        "A person can have 100, so that 100 are all.",
        metadata=facts_by(_stories_stages, page=Page(default=_STORIES_DEFAULT, most=_STORIES_MOST)),
    )
    async def stories(
        self, info: Info, first: int = _STORIES_DEFAULT
    ) -> list[Annotated["Story", strawberry.lazy("nova.gateway.schema.content")]]:
        """List the live stories."""
        from nova.gateway.schema.content import Story  # noqa: PLC0415 - as above

        stories = await info.context.readers.stories_of(self.uuid, first)
        return [Story.of(story, self) for story in stories]

    @field(
        description="Newest first, as far as the viewer may see.",
        metadata=facts_by(listed("graph.ListFollowers"), page=Page()),
    )
    async def followers(
        self, info: Info, first: int | None = strawberry.UNSET, after: str | None = strawberry.UNSET
    ) -> Connection["User"]:
        """List who follows this one."""

        async def read(size: int, token: bytes) -> Found[bytes]:
            request = graph_pb2.ListFollowersRequest(user_id=self.uuid, page_size=size, page_token=token)
            answer = await info.context.list_or_nothing(
                "graph", info.context.rooms.graph.ListFollowers, request, graph_pb2.ListFollowersResponse()
            )
            return _edges(answer.edges, answer.next_page_token)

        return await user_page(info.context, f"user.followers:{self.uuid.hex()}", first, after, read)

    @field(
        description="Newest first, as far as the viewer may see.",
        metadata=facts_by(listed("graph.ListFollowing"), page=Page()),
    )
    async def following(
        self, info: Info, first: int | None = strawberry.UNSET, after: str | None = strawberry.UNSET
    ) -> Connection["User"]:
        """List whom this one follows."""

        async def read(size: int, token: bytes) -> Found[bytes]:
            request = graph_pb2.ListFollowingRequest(user_id=self.uuid, page_size=size, page_token=token)
            answer = await info.context.list_or_nothing(
                "graph", info.context.rooms.graph.ListFollowing, request, graph_pb2.ListFollowingResponse()
            )
            return _edges(answer.edges, answer.next_page_token)

        return await user_page(info.context, f"user.following:{self.uuid.hex()}", first, after, read)

    @field(
        description="A shortest chain of follows to another person, both included; null when there is none.",
        metadata=facts_by(
            lambda asked: [(single("graph.FindPath"),), people(_length(asked.arguments.get("maxDepth")))],
            page=whole(_PATH_MOST),
        ),
    )
    async def path_to(self, info: Info, user_id: strawberry.ID, max_depth: int = 4) -> list["User"] | None:
        """Find a shortest chain of follows."""
        context = info.context
        request = graph_pb2.FindPathRequest(
            from_user_id=self.uuid, to_user_id=bytes_of(user_id, Kind.USER), max_depth=max_depth
        )
        path = (await context.ask(context.rooms.graph.FindPath, request)).user_ids
        users = await load_users(context, path)
        return [user for user in users if user] if path and all(users) else None

    @field(
        description="People whom the viewer might follow, best first; of others, nobody.",
        metadata=facts_by(
            lambda asked: [
                (single("graph.SuggestUsers"),),
                people(asked.size * (1 + _MUTUALS_MOST * asked.selects("mutuals"))),
            ],
            page=Page(default=10, most=_SUGGESTIONS_MOST),
        ),
    )
    async def suggested(self, info: Info, first: int = 10) -> list["UserSuggestion"]:
        """Offer people of the second degree."""
        context = info.context
        if self.uuid != context.viewer.user_id.bytes:
            return []
        request = graph_pb2.SuggestUsersRequest(page_size=first)
        answer = await context.list_or_nothing(
            "graph", context.rooms.graph.SuggestUsers, request, graph_pb2.SuggestUsersResponse()
        )
        suggestions = answer.suggestions
        if info.asks("mutuals"):
            context.readers.people.want([mutual for one in suggestions for mutual in one.mutual_ids])
        users = await load_users(context, [one.user_id for one in suggestions])
        return [
            UserSuggestion(
                user=user, score=one.score, mutual_count=one.mutual_count, mutual_ids=list(one.mutual_ids)
            )
            for one, user in zip(suggestions, users, strict=True)
            if user is not None
        ]


@strawberry.type(description="Somebody whom the viewer might want to follow.")
class UserSuggestion:
    """Somebody of the second degree."""

    user: User
    score: float = strawberry.field(description="Sum over common acquaintances of 1 / ln(their degree).")
    mutual_count: int
    mutual_ids: strawberry.Private[list[bytes]]

    @field(
        description="Some of the common acquaintances, three at most.",
        metadata=facts(page=whole(_MUTUALS_MOST)),
    )
    async def mutuals(self, info: Info) -> list[User]:
        """Return those who were asked for with the suggestion."""
        return [user for user in await load_users(info.context, self.mutual_ids) if user]


async def load_users(
    context: RequestContext, user_ids: Sequence[bytes], *, vouched: bool = False
) -> list[User | None]:
    """Return people whom the viewer may meet, None for the others; see `Person.shown` for `vouched`."""
    found_people = await context.readers.people.load_many(user_ids)
    return [
        User.of(person) if person is not None and person.shown(vouched=vouched) else None
        for person in found_people
    ]


async def user_page(
    context: RequestContext,
    name: str,
    first: int | None,
    after: str | None,
    read: Callable[[int, bytes], Awaitable[Found[bytes]]],
) -> Connection[User]:
    """Return one page of a list of people. `read` takes size and page token and returns ids."""
    listing = context.listing(name, after)
    page = await read(first_or_default(first), listing.token())
    ids = [user_id for _, user_id in page.sources]
    users = dict(zip(ids, await load_users(context, ids), strict=True))
    return listing.page(page, users.get)


def _edges(edges: Sequence[graph_pb2.UserEdge], next_token: bytes) -> Found[bytes]:
    return Found([(edge.page_token, edge.user_id) for edge in edges], next_token)


def _length(max_depth: object) -> int:
    """Return how many people a path of this depth has; a depth that is not allowed is graph's to refuse."""
    return max_depth + 1 if isinstance(max_depth, int) and 0 < max_depth <= 6 else 1
