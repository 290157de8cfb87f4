"""The viewer: what only he sees of himself."""

from datetime import UTC, datetime

import strawberry

from nova.api.graph.v1 import graph_pb2
from nova.api.identity.v1 import identity_pb2
from nova.api.user.v1 import user_pb2
from nova.gateway.connections import Connection, Found, first_or_default, found
from nova.gateway.context import Info
from nova.gateway.facts import Page, Rpc, facts, facts_by
from nova.gateway.global_ids import Kind, encode
from nova.gateway.schema.calls import listed, people, single
from nova.gateway.schema.fields import field
from nova.gateway.schema.muted_words import MutedWord
from nova.gateway.schema.user import User, load_users, user_page
from nova.platform.errors import Unavailable

_ACCOUNT = facts((Rpc("identity.GetAccount"),))


@strawberry.type(description="One signed-in device.")
class Session:
    """One signed-in device."""

    id: strawberry.ID
    created_at: datetime
    last_used_at: datetime
    user_agent: str
    ip_address: str
    is_current: bool = strawberry.field(description="Whether it is the one that asks.")


@strawberry.type(description="What the viewer chose for himself.")
class Settings:
    """What the viewer chose for himself."""

    language: str = strawberry.field(description="BCP 47.")
    personalised_feed: bool = strawberry.field(description="Whether RANKED may use what he did.")
    suggestible: bool = strawberry.field(description="Whether others are offered this account.")

    @classmethod
    def of(cls, settings: user_pb2.Settings) -> "Settings":
        """Return the settings that the user room told."""
        return cls(
            language=settings.language,
            personalised_feed=settings.personalised_feed,
            suggestible=settings.suggestible,
        )


@strawberry.type(description="The signed-in person, as he sees himself.")
class Viewer:
    """The signed-in person, as he sees himself."""

    @field(metadata=facts(people()))
    async def user(self, info: Info) -> User:
        """Return the viewer as others know him."""
        (user,) = await load_users(info.context, [info.context.viewer.user_id.bytes])
        if user is None:
            raise Unavailable("Your profile is being made: try again.", reason="PROFILE_NOT_READY")
        return user

    @field(metadata=_ACCOUNT)
    async def email(self, info: Info) -> str:
        """Return the address of the account."""
        return (await info.context.readers.account()).email

    @field(description="Whether a link mailed to the address came back.", metadata=_ACCOUNT)
    async def email_verified(self, info: Info) -> bool:
        """Return whether the address is shown to be the viewer's."""
        return (await info.context.readers.account()).email_verified

    @field(metadata=_ACCOUNT)
    async def roles(self, info: Info) -> list[str]:
        """Return the roles of the account as they are now."""
        return list((await info.context.readers.account()).roles)

    @field(metadata=_ACCOUNT)
    async def permissions(self, info: Info) -> list[str]:
        """Return what the account may do now."""
        return list((await info.context.readers.account()).permissions)

    @field(description="Newest first.", metadata=facts((single("identity.ListSessions"),), page=Page()))
    async def sessions(
        self, info: Info, first: int | None = strawberry.UNSET, after: str | None = strawberry.UNSET
    ) -> Connection[Session]:
        """List the live sessions."""
        context = info.context
        listing = context.listing("viewer.sessions", after)
        request = identity_pb2.ListSessionsRequest(
            page_size=first_or_default(first), page_token=listing.token()
        )
        answer = await context.list_or_nothing(
            "identity", context.rooms.identity.ListSessions, request, identity_pb2.ListSessionsResponse()
        )
        current = context.viewer.session_id.bytes
        page = found(answer.sessions, lambda session: session.page_token, answer.next_page_token)
        return listing.page(page, lambda session: _session(session, current))

    @field(metadata=facts((single("user.GetSettings"),)))
    async def settings(self, info: Info) -> Settings:
        """Return the settings."""
        context = info.context
        answer = await context.ask(context.rooms.user.GetSettings, user_pb2.GetSettingsRequest())
        return Settings.of(answer.settings)

    @field(
        description="Whom the viewer blocks, newest first.",
        metadata=facts_by(listed("user.ListBlocked"), page=Page()),
    )
    async def blocked(
        self, info: Info, first: int | None = strawberry.UNSET, after: str | None = strawberry.UNSET
    ) -> Connection[User]:
        """List whom the viewer blocks."""

        async def read(size: int, token: bytes) -> Found[bytes]:
            request = user_pb2.ListBlockedRequest(page_size=size, page_token=token)
            answer = await info.context.list_or_nothing(
                "user", info.context.rooms.user.ListBlocked, request, user_pb2.ListBlockedResponse()
            )
            return Found(
                [(one.page_token, one.profile.user_id) for one in answer.users], answer.next_page_token
            )

        return await user_page(info.context, "viewer.blocked", first, after, read)

    @field(
        description="Whom the viewer mutes, newest first.",
        metadata=facts_by(listed("user.ListMuted"), page=Page()),
    )
    async def muted(
        self, info: Info, first: int | None = strawberry.UNSET, after: str | None = strawberry.UNSET
    ) -> Connection[User]:
        """List whom the viewer mutes."""

        async def read(size: int, token: bytes) -> Found[bytes]:
            request = user_pb2.ListMutedRequest(page_size=size, page_token=token)
            answer = await info.context.list_or_nothing(
                "user", info.context.rooms.user.ListMuted, request, user_pb2.ListMutedResponse()
            )
            return Found(
                [(one.page_token, one.profile.user_id) for one in answer.users], answer.next_page_token
            )

        return await user_page(info.context, "viewer.muted", first, after, read)

    @field(
        description="Words that the viewer mutes, newest first.",
        metadata=facts((single("user.ListMutedWords"),), page=Page()),
    )
    async def muted_words(
        self, info: Info, first: int | None = strawberry.UNSET, after: str | None = strawberry.UNSET
    ) -> Connection[MutedWord]:
        """List the words that the viewer mutes."""
        context = info.context
        listing = context.listing("viewer.mutedWords", after)
        request = user_pb2.ListMutedWordsRequest(
            page_size=first_or_default(first), page_token=listing.token()
        )
        answer = await context.list_or_nothing(
            "user", context.rooms.user.ListMutedWords, request, user_pb2.ListMutedWordsResponse()
        )
        page = found(answer.words, lambda one: one.page_token, answer.next_page_token)
        return listing.page(page, lambda one: MutedWord.of(one.muted_word))

    @field(
        description="Who asks to follow the viewer, newest first.",
        metadata=facts_by(listed("graph.ListFollowRequests"), page=Page()),
    )
    async def follow_requests(
        self, info: Info, first: int | None = strawberry.UNSET, after: str | None = strawberry.UNSET
    ) -> Connection[User]:
        """List who asks to follow the viewer."""

        async def read(size: int, token: bytes) -> Found[bytes]:
            request = graph_pb2.ListFollowRequestsRequest(page_size=size, page_token=token)
            answer = await info.context.list_or_nothing(
                "graph",
                info.context.rooms.graph.ListFollowRequests,
                request,
                graph_pb2.ListFollowRequestsResponse(),
            )
            return Found([(edge.page_token, edge.user_id) for edge in answer.edges], answer.next_page_token)

        return await user_page(info.context, "viewer.followRequests", first, after, read)


def _session(session: identity_pb2.Session, current: bytes) -> Session:
    return Session(
        id=strawberry.ID(encode(Kind.SESSION, session.session_id)),
        created_at=session.created_at.ToDatetime(tzinfo=UTC),
        last_used_at=session.last_used_at.ToDatetime(tzinfo=UTC),
        user_agent=session.user_agent,
        ip_address=session.ip_address,
        is_current=session.session_id == current,
    )
