"""Who may call what: the whole of it, on one page.

A room takes a call only from the parts that stand here, whoever the user is in whose name they call: one that was
taken over can do no more than it always did. What is not listed is for the gateway, the door of users. Over TCP the
certificate says who calls; in one process each room's channel does, so that the same page holds in both shapes.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from nova.app.rooms import ROOMS
from nova.platform.rpc.binding import ServiceBinding

GATEWAY: Final = "gateway"

_EVERYBODY: Final = frozenset((*ROOMS, GATEWAY))
_USERS: Final = frozenset((GATEWAY,))

CALLERS: Final[Mapping[str, Mapping[str, frozenset[str]]]] = {
    "identity": {
        # System methods: they answer without a user.
        "GetKeySet": _EVERYBODY,
        "ListRevocations": _EVERYBODY,
        "RefreshSession": _USERS,
        "RequestPasswordReset": _USERS,
        "ResetPassword": _USERS,
        "SignIn": _USERS,
        "SignUp": _USERS,
        "VerifyEmail": _USERS,
    },
    "user": {
        "GetFollowTerms": frozenset(("graph",)),
        "GetSettings": frozenset((GATEWAY, "ranking")),
        "ListMutedWords": frozenset((GATEWAY, "feed")),
        "ListRestrictions": frozenset(("graph",)),
    },
    "graph": {
        "GetFollowing": frozenset(("feed", "ranking")),
        "GetHidden": frozenset(("social",)),
        "GetRelations": frozenset((GATEWAY, "content", "feed")),
        "SuggestUsers": frozenset((GATEWAY, "ranking")),
    },
    "content": {
        "CheckPosts": frozenset(("feed", "social")),
        "FindWords": frozenset(("feed",)),
        "ListPostings": frozenset(("features", "feed", "ranking")),
    },
    "features": {
        "DescribeFeatures": frozenset(("ranking",)),
        "GetPopular": frozenset(("ranking",)),
        "GetPostRows": frozenset(("ranking",)),
        "GetTopics": frozenset(("ranking",)),
    },
    "ranking": {
        "RankExplore": frozenset(("feed",)),
        "RankHome": frozenset(("feed",)),
    },
}


def callers_of(room: str, method: str) -> frozenset[str]:
    """Return the parts of the platform that may call a method of a room."""
    return CALLERS.get(room, {}).get(method, _USERS)


def closed(room: str, binding: ServiceBinding) -> ServiceBinding:
    """Return the binding of a room, closed to all but those who may call it."""
    return replace(binding, callers=lambda method: callers_of(room, method))
