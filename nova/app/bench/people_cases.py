"""What is asked of identity, user and graph: the commonest calls, and the dearest walks along follows."""

from collections import deque
from collections.abc import Sequence
from typing import Final

from nova.api.graph.v1 import graph_pb2 as graph
from nova.api.identity.v1 import identity_pb2 as identity
from nova.api.user.v1 import user_pb2 as user
from nova.app.bench.room_case import PAGE, Asked, Case, guest_of, pair_at, pairs_of, window
from nova.app.bench.scene import Scene
from nova.platform.errors import Unavailable

SUBJECTS: Final = 100
_PASSWORDS_A_S: Final = 5.0
"""A password costs tens of milliseconds of CPU, by design."""
_REFRESHES_A_S: Final = 20.0
_WALKS_A_S: Final = 20.0


def people_cases(scene: Scene) -> Sequence[Case]:
    """Return all cases of these rooms."""
    return [*_identity(scene), *_user(scene), *_graph(scene)]


def _identity(scene: Scene) -> list[Case]:
    def account(turn: int) -> Asked:
        return Asked(
            "GetAccount",
            identity.GetAccountRequest(),
            guest_of(scene, turn).token,
            lambda raw: identity.GetAccountResponse.FromString(raw).HasField("account"),
        )

    def sign_in(turn: int) -> Asked:
        return Asked(
            "SignIn",
            identity.SignInRequest(login=guest_of(scene, turn).handle, password=scene.password),
            "",
            lambda raw: identity.SignInResponse.FromString(raw).HasField("tokens"),
        )

    def sign_up(turn: int) -> Asked:
        handle = f"roomer_{turn}"
        request = identity.SignUpRequest(
            handle=handle, email=f"{handle}@example.org", password=scene.password, display_name=handle
        )
        return Asked(
            "SignUp", request, "", lambda raw: identity.SignUpResponse.FromString(raw).HasField("tokens")
        )

    return [
        Case(room="identity", name="GetAccount", asked=account),
        Case(room="identity", name="SignIn", asked=sign_in, rate=_PASSWORDS_A_S),
        Case(room="identity", name="SignUp", asked=sign_up, rate=_PASSWORDS_A_S),
        Case(room="identity", name="RefreshSession", asked=_Refreshing(scene).asked, rate=_REFRESHES_A_S),
    ]


class _Refreshing:
    """Sessions that are refreshed in turn. A refresh token is good once: the next one is in the answer."""

    def __init__(self, scene: Scene) -> None:
        self._tokens = deque(scene.refresh_tokens)

    def asked(self, _turn: int) -> Asked:
        """Refresh the session that has rested longest. Raises `Unavailable` while none has been answered."""
        if not self._tokens:
            raise Unavailable("Every session waits for an answer.")
        request = identity.RefreshSessionRequest(refresh_token=self._tokens.popleft())
        return Asked("RefreshSession", request, "", self._whole)

    def _whole(self, raw: bytes) -> bool:
        token = identity.RefreshSessionResponse.FromString(raw).tokens.refresh_token
        if token:
            self._tokens.append(token)
        return bool(token)


def _user(scene: Scene) -> list[Case]:
    authors = scene.authors

    def profiles(turn: int) -> Asked:
        return Asked(
            "GetProfiles",
            user.GetProfilesRequest(user_ids=window(authors, turn, PAGE)),
            guest_of(scene, turn).token,
            lambda raw: len(user.GetProfilesResponse.FromString(raw).profiles) > 0,
        )

    def update(turn: int) -> Asked:
        bio = f"Says {turn}"
        return Asked(
            "UpdateProfile",
            user.UpdateProfileRequest(bio=bio),
            guest_of(scene, turn).token,
            lambda raw: user.UpdateProfileResponse.FromString(raw).profile.bio == bio,
        )

    return [
        Case(room="user", name=f"GetProfiles of {PAGE}", asked=profiles),
        Case(room="user", name="UpdateProfile", asked=update),
    ]


def _graph(scene: Scene) -> list[Case]:
    authors, pairs = scene.authors, pairs_of(scene.guests, lambda guest: guest.strangers)

    def relations(turn: int) -> Asked:
        subjects = window(authors, turn, SUBJECTS)
        return Asked(
            "GetRelations",
            graph.GetRelationsRequest(subject_ids=subjects),
            guest_of(scene, turn).token,
            lambda raw: len(graph.GetRelationsResponse.FromString(raw).relations) == len(subjects),
        )

    def follow(turn: int) -> Asked:
        guest, user_id, ends = pair_at(pairs, turn)
        if ends:
            return Asked(
                "UnfollowUser",
                graph.UnfollowUserRequest(user_id=user_id),
                guest.token,
                lambda raw: graph.UnfollowUserResponse.FromString(raw).state == graph.FOLLOW_STATE_NONE,
            )
        return Asked(
            "FollowUser",
            graph.FollowUserRequest(user_id=user_id),
            guest.token,
            lambda raw: graph.FollowUserResponse.FromString(raw).state == graph.FOLLOW_STATE_FOLLOWING,
        )

    def path(turn: int) -> Asked:
        guest, user_id, _ = pair_at(pairs, turn)
        return Asked(
            "FindPath",
            graph.FindPathRequest(from_user_id=guest.user_id, to_user_id=user_id),
            guest.token,
            lambda raw: graph.FindPathResponse.FromString(raw).user_ids[-1:] == [user_id],
        )

    def suggested(turn: int) -> Asked:
        return Asked(
            "SuggestUsers",
            graph.SuggestUsersRequest(page_size=PAGE),
            guest_of(scene, turn).token,
            lambda raw: len(graph.SuggestUsersResponse.FromString(raw).suggestions) > 0,
        )

    return [
        Case(room="graph", name=f"GetRelations to {SUBJECTS}", asked=relations),
        Case(room="graph", name="FindPath to a stranger", asked=path, rate=_WALKS_A_S),
        Case(room="graph", name=f"SuggestUsers, {PAGE} of them", asked=suggested, rate=_WALKS_A_S),
        Case(room="graph", name="FollowUser", asked=follow),
    ]
