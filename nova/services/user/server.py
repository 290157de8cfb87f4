"""gRPC in, a verb of user, gRPC out. No decisions."""

from collections.abc import Iterable

from nova.api.user.v1 import user_pb2 as pb
from nova.api.user.v1.user_pb2_grpc import UserServiceServicer
from nova.platform.db.idempotency import Once
from nova.platform.errors import InvalidArgument
from nova.platform.rpc.context import current_actor
from nova.platform.rpc.page_tokens import place_at, token_at
from nova.platform.rpc.validate import page_size, text_of, time_of, to_timestamp, uuid_of, uuids_of
from nova.policy.rules import MUTED_WORDS_MOST
from nova.services.user.model import FollowTerms, Listed, MutedWord, Profile, Restriction, Settings, UserId
from nova.services.user.service.muted_words import OwnMutedWords
from nova.services.user.service.profiles import Changes, Profiles
from nova.services.user.service.restrictions import ListedProfile, Restrictions
from nova.services.user.service.settings import Choices, OwnSettings
from nova.services.user.store.restrictions import place_of
from nova.services.user.tokens import (
    place_after,
    place_token,
    word_before,
    word_token,
)

SYSTEM_METHODS = frozenset({"ListRestrictions"})
MOST_IDS = 200
MOST_HANDLES = 50
MOST_RESTRICTIONS = 5000
# More than any handle has, so that a wrong one is simply nobody's; less than what would be worth sending.
_LONGEST_HANDLE = 100


class UserServer(UserServiceServicer):
    """User's servicer."""

    def __init__(
        self,
        *,
        profiles: Profiles,
        settings: OwnSettings,
        restrictions: Restrictions,
        muted_words: OwnMutedWords,
        once: Once,
    ) -> None:
        self._profiles = profiles
        self._settings = settings
        self._restrictions = restrictions
        self._muted_words = muted_words
        self._once = once

    async def GetProfiles(self, request: pb.GetProfilesRequest, context: object) -> pb.GetProfilesResponse:
        user_ids = [UserId(value) for value in uuids_of(request.user_ids, "user_ids", most=MOST_IDS)]
        profiles = await self._profiles.get(current_actor(), user_ids)
        return pb.GetProfilesResponse(profiles=map(_profile, profiles))

    async def LookupHandles(
        self, request: pb.LookupHandlesRequest, context: object
    ) -> pb.LookupHandlesResponse:
        handles = _handles(request.handles)
        profiles = await self._profiles.by_handle(current_actor(), handles)
        return pb.LookupHandlesResponse(profiles=map(_profile, profiles))

    async def UpdateProfile(
        self, request: pb.UpdateProfileRequest, context: object
    ) -> pb.UpdateProfileResponse:
        changes = Changes(
            display_name=request.display_name if request.HasField("display_name") else None,
            bio=request.bio if request.HasField("bio") else None,
            avatar_url=request.avatar_url if request.HasField("avatar_url") else None,
            is_private=request.is_private if request.HasField("is_private") else None,
        )
        return await self._once(
            request,
            pb.UpdateProfileResponse,
            lambda: self._profiles.update(current_actor(), changes),
            present=lambda profile: pb.UpdateProfileResponse(profile=_profile(profile)),
        )

    async def GetSettings(self, request: pb.GetSettingsRequest, context: object) -> pb.GetSettingsResponse:
        return pb.GetSettingsResponse(settings=_settings(await self._settings.get(current_actor())))

    async def UpdateSettings(
        self, request: pb.UpdateSettingsRequest, context: object
    ) -> pb.UpdateSettingsResponse:
        choices = Choices(
            language=request.language if request.HasField("language") else None,
            personalised_feed=request.personalised_feed if request.HasField("personalised_feed") else None,
            suggestible=request.suggestible if request.HasField("suggestible") else None,
        )
        return await self._once(
            request,
            pb.UpdateSettingsResponse,
            lambda: self._settings.update(current_actor(), choices),
            present=lambda settings: pb.UpdateSettingsResponse(settings=_settings(settings)),
        )

    async def BlockUser(self, request: pb.BlockUserRequest, context: object) -> pb.BlockUserResponse:
        user_id = UserId(uuid_of(request.user_id, "user_id"))
        return await self._once(
            request,
            pb.BlockUserResponse,
            lambda: self._restrictions.block(current_actor(), user_id),
            present=lambda profile: pb.BlockUserResponse(profile=_profile(profile)),
        )

    async def UnblockUser(self, request: pb.UnblockUserRequest, context: object) -> pb.UnblockUserResponse:
        user_id = UserId(uuid_of(request.user_id, "user_id"))
        return await self._once(
            request,
            pb.UnblockUserResponse,
            lambda: self._restrictions.unblock(current_actor(), user_id),
            present=lambda profile: pb.UnblockUserResponse(profile=_maybe(profile)),
        )

    async def MuteUser(self, request: pb.MuteUserRequest, context: object) -> pb.MuteUserResponse:
        user_id = UserId(uuid_of(request.user_id, "user_id"))
        until = time_of(request.until, "until") if request.HasField("until") else None
        return await self._once(
            request,
            pb.MuteUserResponse,
            lambda: self._restrictions.mute(current_actor(), user_id, until),
            present=lambda profile: pb.MuteUserResponse(profile=_profile(profile)),
        )

    async def UnmuteUser(self, request: pb.UnmuteUserRequest, context: object) -> pb.UnmuteUserResponse:
        user_id = UserId(uuid_of(request.user_id, "user_id"))
        return await self._once(
            request,
            pb.UnmuteUserResponse,
            lambda: self._restrictions.unmute(current_actor(), user_id),
            present=lambda profile: pb.UnmuteUserResponse(profile=_maybe(profile)),
        )

    async def ListBlocked(self, request: pb.ListBlockedRequest, context: object) -> pb.ListBlockedResponse:
        before, before_id = place_at(request.page_token)
        page = await self._restrictions.blocked(
            current_actor(),
            before=before,
            before_id=before_id,
            limit=page_size(request.page_size, most=100, default=20),
        )
        return pb.ListBlockedResponse(
            users=map(_listed, page.entries),
            next_page_token=b"" if page.next_after is None else _listed_token(page.next_after),
        )

    async def ListMuted(self, request: pb.ListMutedRequest, context: object) -> pb.ListMutedResponse:
        before, before_id = place_at(request.page_token)
        page = await self._restrictions.muted(
            current_actor(),
            before=before,
            before_id=before_id,
            limit=page_size(request.page_size, most=100, default=20),
        )
        return pb.ListMutedResponse(
            users=map(_listed, page.entries),
            next_page_token=b"" if page.next_after is None else _listed_token(page.next_after),
        )

    async def MuteWord(self, request: pb.MuteWordRequest, context: object) -> pb.MuteWordResponse:
        until = time_of(request.until, "until") if request.HasField("until") else None
        return await self._once(
            request,
            pb.MuteWordResponse,
            lambda: self._muted_words.mute(current_actor(), request.word, until),
            present=lambda muted: pb.MuteWordResponse(muted_word=_muted_word(muted)),
        )

    async def UnmuteWord(self, request: pb.UnmuteWordRequest, context: object) -> pb.UnmuteWordResponse:
        return await self._once(
            request,
            pb.UnmuteWordResponse,
            lambda: self._muted_words.unmute(current_actor(), request.word),
            present=lambda word: pb.UnmuteWordResponse(word=word),
        )

    async def ListMutedWords(
        self, request: pb.ListMutedWordsRequest, context: object
    ) -> pb.ListMutedWordsResponse:
        before, before_word = word_before(request.page_token)
        words, more = await self._muted_words.list(
            current_actor(),
            before=before,
            before_word=before_word,
            limit=page_size(request.page_size, most=MUTED_WORDS_MOST, default=20),
        )
        return pb.ListMutedWordsResponse(
            words=[pb.ListedWord(muted_word=_muted_word(one), page_token=word_token(one)) for one in words],
            next_page_token=word_token(words[-1]) if more else b"",
        )

    async def GetFollowTerms(
        self, request: pb.GetFollowTermsRequest, context: object
    ) -> pb.GetFollowTermsResponse:
        user_id = UserId(uuid_of(request.user_id, "user_id"))
        return _terms(await self._restrictions.follow_terms(current_actor(), user_id))

    async def ListRestrictions(
        self, request: pb.ListRestrictionsRequest, context: object
    ) -> pb.ListRestrictionsResponse:
        place = place_after(request.page_token)
        limit = page_size(request.page_size, most=MOST_RESTRICTIONS, default=1000)
        restrictions = await self._restrictions.all_after(place, limit=limit)
        more = len(restrictions) == limit
        return pb.ListRestrictionsResponse(
            restrictions=map(_restriction, restrictions),
            next_page_token=place_token(place_of(restrictions[-1])) if more else b"",
        )


def _handles(values: Iterable[str]) -> list[str]:
    """Return distinct handles; more of them than a page asks for are refused."""
    handles = list(dict.fromkeys(values))
    if len(handles) > MOST_HANDLES:
        raise InvalidArgument(f"handles may hold at most {MOST_HANDLES}.", field="handles")
    return [text_of(handle, "handles", most=_LONGEST_HANDLE) for handle in handles]


def _profile(profile: Profile) -> pb.Profile:
    return pb.Profile(
        user_id=profile.user_id.bytes,
        handle=profile.handle,
        display_name=profile.display_name,
        bio=profile.bio,
        avatar_url=profile.avatar_url,
        is_private=profile.is_private,
        created_at=to_timestamp(profile.created_at),
        version=profile.version,
    )


def _maybe(profile: Profile | None) -> pb.Profile | None:
    return None if profile is None else _profile(profile)


def _settings(settings: Settings) -> pb.Settings:
    return pb.Settings(
        language=settings.language,
        personalised_feed=settings.personalised_feed,
        suggestible=settings.suggestible,
    )


def _listed_token(entry: Listed) -> bytes:
    return token_at(entry.listed_at, entry.user_id)


def _listed(entry: ListedProfile) -> pb.ListedUser:
    return pb.ListedUser(
        profile=_profile(entry.profile),
        listed_at=to_timestamp(entry.listed_at),
        page_token=token_at(entry.listed_at, entry.profile.user_id),
    )


def _muted_word(muted: MutedWord) -> pb.MutedWord:
    return pb.MutedWord(
        word=muted.word,
        created_at=to_timestamp(muted.created_at),
        until=None if muted.until is None else to_timestamp(muted.until),
    )


def _terms(terms: FollowTerms) -> pb.GetFollowTermsResponse:
    return pb.GetFollowTermsResponse(
        is_private=terms.profile.is_private,
        profile_version=terms.profile.version,
        blocks=[
            pb.BlockState(
                user_id=block.user_id.bytes,
                blocked_id=block.blocked_id.bytes,
                lifted=block.lifted,
                version=block.version,
            )
            for block in terms.blocks
        ],
    )


def _restriction(restriction: Restriction) -> pb.Restriction:
    return pb.Restriction(
        kind=pb.RestrictionKind.ValueType(restriction.kind.value),
        user_id=restriction.user_id.bytes,
        other_id=b"" if restriction.other_id is None else restriction.other_id.bytes,
        since=None if restriction.since is None else to_timestamp(restriction.since),
        until=None if restriction.until is None else to_timestamp(restriction.until),
        version=restriction.version,
    )
