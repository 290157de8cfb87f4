"""What people do about themselves and about one another: profiles, settings, blocks, mutes, follows."""

from datetime import datetime
from enum import Enum

import strawberry

from nova.api.graph.v1 import graph_pb2
from nova.api.user.v1 import user_pb2
from nova.gateway.context import Info
from nova.gateway.global_ids import Kind, bytes_of
from nova.gateway.readers import Person
from nova.gateway.schema.calls import changing, returning_user
from nova.gateway.schema.mutations import MutationInput, Payload, mutation, timestamp_of
from nova.gateway.schema.user import User
from nova.gateway.schema.viewer import Settings
from nova.platform.errors import InvalidArgument
from nova.policy import rules
from nova.policy.relations import Relation

_TIES = Relation.FOLLOWS | Relation.FOLLOWED_BY | Relation.REQUESTED | Relation.REQUESTED_BY


@strawberry.enum(description="What came of asking to follow.")
class FollowState(Enum):
    """As graph's protobuf numbers it."""

    NONE = graph_pb2.FOLLOW_STATE_NONE
    REQUESTED = graph_pb2.FOLLOW_STATE_REQUESTED
    FOLLOWING = graph_pb2.FOLLOW_STATE_FOLLOWING


@strawberry.input
class UpdateProfileInput(MutationInput):
    """What shall change; the rest stays as it is."""

    display_name: str | None = strawberry.UNSET
    bio: str | None = strawberry.field(default=strawberry.UNSET, description="Null takes it away.")
    avatar_url: str | None = strawberry.field(default=strawberry.UNSET, description="Null takes it away.")
    is_private: bool | None = strawberry.UNSET


@strawberry.type
class UpdateProfilePayload(Payload):
    """The viewer after it."""

    user: User | None = None


@strawberry.input
class UpdateSettingsInput(MutationInput):
    """What shall change; the rest stays as it is."""

    language: str | None = strawberry.UNSET
    personalised_feed: bool | None = strawberry.UNSET
    suggestible: bool | None = strawberry.UNSET


@strawberry.type
class UpdateSettingsPayload(Payload):
    """The settings after it."""

    settings: Settings | None = None


@strawberry.input
class BlockUserInput(MutationInput):
    """Whom."""

    user_id: strawberry.ID


@strawberry.type
class BlockUserPayload(Payload):
    """The person after it."""

    user: User | None = None


@strawberry.input
class UnblockUserInput(MutationInput):
    """Whom."""

    user_id: strawberry.ID


@strawberry.type
class UnblockUserPayload(Payload):
    """The person after it."""

    user: User | None = None


@strawberry.input
class MuteUserInput(MutationInput):
    """Whom, and until when; for good without it."""

    user_id: strawberry.ID
    until: datetime | None = strawberry.UNSET


@strawberry.type
class MuteUserPayload(Payload):
    """The person after it."""

    user: User | None = None


@strawberry.input
class UnmuteUserInput(MutationInput):
    """Whom."""

    user_id: strawberry.ID


@strawberry.type
class UnmuteUserPayload(Payload):
    """The person after it."""

    user: User | None = None


@strawberry.input
class FollowUserInput(MutationInput):
    """Whom."""

    user_id: strawberry.ID


@strawberry.type
class FollowUserPayload(Payload):
    """The person after it, and what came of it."""

    user: User | None = None
    state: FollowState | None = None


@strawberry.input
class UnfollowUserInput(MutationInput):
    """Whom."""

    user_id: strawberry.ID


@strawberry.type
class UnfollowUserPayload(Payload):
    """The person after it, and what came of it."""

    user: User | None = None
    state: FollowState | None = None


@strawberry.input
class RemoveFollowerInput(MutationInput):
    """Who shall follow no more."""

    user_id: strawberry.ID


@strawberry.type
class RemoveFollowerPayload(Payload):
    """The person after it."""

    user: User | None = None


@strawberry.input
class AcceptFollowInput(MutationInput):
    """Whose request."""

    user_id: strawberry.ID


@strawberry.type
class AcceptFollowPayload(Payload):
    """The person after it."""

    user: User | None = None


@strawberry.input
class RejectFollowInput(MutationInput):
    """Whose request."""

    user_id: strawberry.ID


@strawberry.type
class RejectFollowPayload(Payload):
    """The person after it."""

    user: User | None = None


async def _user_after(
    info: Info, user_id: bytes, *, begins: Relation = Relation.NONE, ends: Relation = Relation.NONE
) -> User | None:
    """Return the person of a payload, where the document asks for him.

    Graph hears of blocks and mutes by events, a moment later; what has just begun or ended is known here.
    """
    if not info.asks("user"):
        return None
    person = await info.context.readers.people.load(user_id)
    if person is not None and person.relation is not None:
        person = Person(person.profile, (person.relation | begins) & ~ends)
    return User.of(person) if person is not None and person.shown(vouched=False) else None


@strawberry.type
class UserMutations:
    """Profiles, settings, blocks and mutes."""

    @mutation("Changes the viewer's profile.", returning_user("user.UpdateProfile"))
    async def update_profile(self, info: Info, input: UpdateProfileInput) -> UpdateProfilePayload:  # noqa: A002 - the contract's name
        """Change the profile."""
        context = info.context
        request = user_pb2.UpdateProfileRequest()
        if input.display_name:
            request.display_name = rules.display_name(input.display_name)
        elif input.display_name is not strawberry.UNSET:
            raise InvalidArgument("A person needs a name.", field="display_name")
        if input.bio is not strawberry.UNSET:
            request.bio = rules.bio(input.bio or "")
        if input.avatar_url is not strawberry.UNSET:
            url = input.avatar_url
            request.avatar_url = rules.media_url(url, field="avatar_url") if url else ""
        if isinstance(input.is_private, bool):
            request.is_private = input.is_private
        answer = await context.change(context.rooms.user.UpdateProfile, request, key=input.idempotency_key)
        context.readers.own_card(answer.profile)
        return UpdateProfilePayload(user=await _user_after(info, answer.profile.user_id))

    @mutation("Changes the viewer's settings.", changing("user.UpdateSettings"))
    async def update_settings(self, info: Info, input: UpdateSettingsInput) -> UpdateSettingsPayload:  # noqa: A002 - as above
        """Change the settings."""
        context = info.context
        request = user_pb2.UpdateSettingsRequest()
        if input.language:
            request.language = rules.language(input.language)
        if isinstance(input.personalised_feed, bool):
            request.personalised_feed = input.personalised_feed
        if isinstance(input.suggestible, bool):
            request.suggestible = input.suggestible
        answer = await context.change(context.rooms.user.UpdateSettings, request, key=input.idempotency_key)
        return UpdateSettingsPayload(settings=Settings.of(answer.settings))

    @mutation("Blocks a person: neither sees the other from now on.", returning_user("user.BlockUser"))
    async def block_user(self, info: Info, input: BlockUserInput) -> BlockUserPayload:  # noqa: A002 - as above
        """Block a person."""
        context, user_id = info.context, bytes_of(input.user_id, Kind.USER)
        request = user_pb2.BlockUserRequest(user_id=user_id)
        await context.change(context.rooms.user.BlockUser, request, key=input.idempotency_key)
        return BlockUserPayload(user=await _user_after(info, user_id, begins=Relation.BLOCKS, ends=_TIES))

    @mutation("Lifts a block.", returning_user("user.UnblockUser"))
    async def unblock_user(self, info: Info, input: UnblockUserInput) -> UnblockUserPayload:  # noqa: A002 - as above
        """Lift a block."""
        context, user_id = info.context, bytes_of(input.user_id, Kind.USER)
        request = user_pb2.UnblockUserRequest(user_id=user_id)
        await context.change(context.rooms.user.UnblockUser, request, key=input.idempotency_key)
        return UnblockUserPayload(user=await _user_after(info, user_id, ends=Relation.BLOCKS))

    @mutation("Keeps a person out of the viewer's feeds.", returning_user("user.MuteUser"))
    async def mute_user(self, info: Info, input: MuteUserInput) -> MuteUserPayload:  # noqa: A002 - as above
        """Mute a person."""
        context, user_id = info.context, bytes_of(input.user_id, Kind.USER)
        request = user_pb2.MuteUserRequest(user_id=user_id)
        if input.until:
            request.until.CopyFrom(timestamp_of(input.until))
        await context.change(context.rooms.user.MuteUser, request, key=input.idempotency_key)
        return MuteUserPayload(user=await _user_after(info, user_id, begins=Relation.MUTES))

    @mutation("Lifts a mute.", returning_user("user.UnmuteUser"))
    async def unmute_user(self, info: Info, input: UnmuteUserInput) -> UnmuteUserPayload:  # noqa: A002 - as above
        """Lift a mute."""
        context, user_id = info.context, bytes_of(input.user_id, Kind.USER)
        request = user_pb2.UnmuteUserRequest(user_id=user_id)
        await context.change(context.rooms.user.UnmuteUser, request, key=input.idempotency_key)
        return UnmuteUserPayload(user=await _user_after(info, user_id, ends=Relation.MUTES))


@strawberry.type
class GraphMutations:
    """Follows."""

    @mutation("Follows a person, or asks a private one.", returning_user("graph.FollowUser"))
    async def follow_user(self, info: Info, input: FollowUserInput) -> FollowUserPayload:  # noqa: A002 - as above
        """Follow a person."""
        context, user_id = info.context, bytes_of(input.user_id, Kind.USER)
        request = graph_pb2.FollowUserRequest(user_id=user_id)
        answer = await context.change(context.rooms.graph.FollowUser, request, key=input.idempotency_key)
        return FollowUserPayload(user=await _user_after(info, user_id), state=FollowState(answer.state))

    @mutation("Ends following, or withdraws the request.", returning_user("graph.UnfollowUser"))
    async def unfollow_user(self, info: Info, input: UnfollowUserInput) -> UnfollowUserPayload:  # noqa: A002 - as above
        """End following."""
        context, user_id = info.context, bytes_of(input.user_id, Kind.USER)
        request = graph_pb2.UnfollowUserRequest(user_id=user_id)
        answer = await context.change(context.rooms.graph.UnfollowUser, request, key=input.idempotency_key)
        return UnfollowUserPayload(user=await _user_after(info, user_id), state=FollowState(answer.state))

    @mutation("Makes a follower stop following.", returning_user("graph.RemoveFollower"))
    async def remove_follower(self, info: Info, input: RemoveFollowerInput) -> RemoveFollowerPayload:  # noqa: A002 - as above
        """Remove a follower."""
        context, user_id = info.context, bytes_of(input.user_id, Kind.USER)
        request = graph_pb2.RemoveFollowerRequest(user_id=user_id)
        await context.change(context.rooms.graph.RemoveFollower, request, key=input.idempotency_key)
        return RemoveFollowerPayload(user=await _user_after(info, user_id))

    @mutation("Lets somebody follow who asks to.", returning_user("graph.AcceptFollow"))
    async def accept_follow(self, info: Info, input: AcceptFollowInput) -> AcceptFollowPayload:  # noqa: A002 - as above
        """Accept a request."""
        context, user_id = info.context, bytes_of(input.user_id, Kind.USER)
        request = graph_pb2.AcceptFollowRequest(user_id=user_id)
        await context.change(context.rooms.graph.AcceptFollow, request, key=input.idempotency_key)
        return AcceptFollowPayload(user=await _user_after(info, user_id))

    @mutation("Turns down somebody who asks to follow.", returning_user("graph.RejectFollow"))
    async def reject_follow(self, info: Info, input: RejectFollowInput) -> RejectFollowPayload:  # noqa: A002 - as above
        """Turn down a request."""
        context, user_id = info.context, bytes_of(input.user_id, Kind.USER)
        request = graph_pb2.RejectFollowRequest(user_id=user_id)
        await context.change(context.rooms.graph.RejectFollow, request, key=input.idempotency_key)
        return RejectFollowPayload(user=await _user_after(info, user_id))
