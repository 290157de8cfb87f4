"""The rooms of the town that know its people: accounts and profiles."""

from nova.api.identity.v1 import identity_pb2
from nova.api.identity.v1.identity_pb2_grpc import (
    IdentityServiceServicer,
)
from nova.api.user.v1 import user_pb2
from nova.api.user.v1.user_pb2_grpc import UserServiceServicer
from nova.platform.errors import (
    Conflict,
    NotFound,
    Unauthenticated,
)
from nova.platform.rpc.context import current_actor
from nova.policy.relations import Relation
from tests.unit.gateway.town import PASSWORD, Town


class HandleTaken(Conflict):
    """The handle is taken."""


class InvalidCredentials(Unauthenticated):
    """The login or the password is wrong."""


def viewer_id() -> bytes:
    return current_actor().user_id.bytes


class KnownAccounts(IdentityServiceServicer):
    def __init__(self, town: Town) -> None:
        self._town = town

    def _signed_in(self, user_id: bytes) -> tuple[identity_pb2.Account, identity_pb2.Tokens]:
        profile = self._town.profiles[user_id]
        account = identity_pb2.Account(
            user_id=user_id, handle=profile.handle, email=f"{profile.handle}@example.com", roles=["member"]
        )
        tokens = identity_pb2.Tokens(
            access_token=self._town.token(user_id),
            refresh_token=f"refresh-{profile.handle}",
            expires_in_s=3600,
        )
        return account, tokens

    async def SignUp(
        self, request: identity_pb2.SignUpRequest, context: object
    ) -> identity_pb2.SignUpResponse:
        self._town.called("identity.SignUp")
        if any(profile.handle == request.handle for profile in self._town.profiles.values()):
            raise HandleTaken(field="handle")
        account, tokens = self._signed_in(self._town.person(request.handle))
        return identity_pb2.SignUpResponse(account=account, tokens=tokens)

    async def SignIn(
        self, request: identity_pb2.SignInRequest, context: object
    ) -> identity_pb2.SignInResponse:
        self._town.called("identity.SignIn")
        for user_id, profile in self._town.profiles.items():
            if profile.handle == request.login and request.password == PASSWORD:
                account, tokens = self._signed_in(user_id)
                return identity_pb2.SignInResponse(account=account, tokens=tokens)
        raise InvalidCredentials

    async def RefreshSession(
        self, request: identity_pb2.RefreshSessionRequest, context: object
    ) -> identity_pb2.RefreshSessionResponse:
        self._town.called("identity.RefreshSession")
        for user_id, profile in self._town.profiles.items():
            if request.refresh_token == f"refresh-{profile.handle}":
                account, tokens = self._signed_in(user_id)
                return identity_pb2.RefreshSessionResponse(account=account, tokens=tokens)
        raise InvalidCredentials(reason="REFRESH_TOKEN_INVALID")

    async def SignOut(
        self, request: identity_pb2.SignOutRequest, context: object
    ) -> identity_pb2.SignOutResponse:
        self._town.called("identity.SignOut")
        return identity_pb2.SignOutResponse()

    async def GetAccount(
        self, request: identity_pb2.GetAccountRequest, context: object
    ) -> identity_pb2.GetAccountResponse:
        self._town.called("identity.GetAccount")
        return identity_pb2.GetAccountResponse(account=self._signed_in(viewer_id())[0])

    async def GetKeySet(
        self, request: identity_pb2.GetKeySetRequest, context: object
    ) -> identity_pb2.GetKeySetResponse:
        self._town.called("identity.GetKeySet")
        return identity_pb2.GetKeySetResponse(jwks_json='{"keys":[]}')


class KnownProfiles(UserServiceServicer):
    def __init__(self, town: Town) -> None:
        self._town = town

    def _seen(self, user_id: bytes) -> bool:
        return not self._town.relation(viewer_id(), user_id) & Relation.BLOCKED_BY

    async def GetProfiles(
        self, request: user_pb2.GetProfilesRequest, context: object
    ) -> user_pb2.GetProfilesResponse:
        self._town.called("user.GetProfiles")
        known = self._town.profiles
        return user_pb2.GetProfilesResponse(
            profiles=[known[key] for key in request.user_ids if key in known and self._seen(key)]
        )

    async def LookupHandles(
        self, request: user_pb2.LookupHandlesRequest, context: object
    ) -> user_pb2.LookupHandlesResponse:
        self._town.called("user.LookupHandles")
        by_handle = {profile.handle: profile for profile in self._town.profiles.values()}
        found = [by_handle[handle] for handle in request.handles if handle in by_handle]
        return user_pb2.LookupHandlesResponse(profiles=[one for one in found if self._seen(one.user_id)])

    async def UpdateProfile(
        self, request: user_pb2.UpdateProfileRequest, context: object
    ) -> user_pb2.UpdateProfileResponse:
        self._town.called("user.UpdateProfile")
        profile = self._town.profiles[viewer_id()]
        if request.HasField("display_name"):
            profile.display_name = request.display_name
        if request.HasField("bio"):
            profile.bio = request.bio
        self._town.card_changed(profile.user_id)
        return user_pb2.UpdateProfileResponse(profile=profile)

    async def GetSettings(
        self, request: user_pb2.GetSettingsRequest, context: object
    ) -> user_pb2.GetSettingsResponse:
        self._town.called("user.GetSettings")
        return user_pb2.GetSettingsResponse(settings=user_pb2.Settings(language="en", suggestible=True))

    async def BlockUser(
        self, request: user_pb2.BlockUserRequest, context: object
    ) -> user_pb2.BlockUserResponse:
        self._town.called("user.BlockUser")
        if request.user_id not in self._town.profiles:
            raise NotFound(reason="USER_NOT_FOUND")
        self._town.relations[viewer_id(), request.user_id] = Relation.BLOCKS
        self._town.relations[request.user_id, viewer_id()] = Relation.BLOCKED_BY
        return user_pb2.BlockUserResponse(profile=self._town.profiles[request.user_id])
