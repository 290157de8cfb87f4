"""What is asked of each room: the read that pages are made of, and the commonest write where it has one.

Each turn asks in the name of another guest and about something else, so that no answer is merely kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final, NamedTuple, TypeVar

from google.protobuf.message import Message

from nova.api.content.v1 import content_pb2 as content
from nova.api.features.v1 import features_pb2 as features
from nova.api.feed.v1 import feed_pb2 as feed
from nova.api.graph.v1 import graph_pb2 as graph
from nova.api.identity.v1 import identity_pb2 as identity
from nova.api.ranking.v1 import ranking_pb2 as ranking
from nova.api.social.v1 import social_pb2 as social
from nova.api.user.v1 import user_pb2 as user
from nova.app.bench.scene import Guest, Scene

GOALS_MS: Final = {
    "identity": 50, "user": 30, "graph": 100, "social": 20, "content": 40,
    "features": 10, "ranking": 80, "feed": 50,
}  # fmt: skip
"""The objectives at the 95th percentile, for one request at the room's own port."""

PAGE: Final = 20
SUBJECTS: Final = 100
CANDIDATES: Final = 500
_A_S: Final = 50.0
_SIGN_INS_A_S: Final = 5.0
"""A password costs tens of milliseconds of CPU, by design."""
_RANKINGS_A_S: Final = 10.0
"""A ranking is made once a scroll, not once a page."""
T = TypeVar("T")


class Asked(NamedTuple):
    """One call: the method, what it takes, and in whose name."""

    method: str
    request: Message
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A method of a room under load. `asked` makes the call of a turn; `answered` says whether an answer is whole.

    `rate` is that of the figures, in calls a second.
    """

    room: str
    name: str
    asked: Callable[[int], Asked]
    answered: Callable[[bytes], bool]
    rate: float = _A_S

    @property
    def goal_ms(self) -> float:
        """The objective of the room."""
        return GOALS_MS[self.room]


def cases_of(scene: Scene) -> Sequence[Case]:
    """Return all cases, room by room."""
    return [
        *_identity(scene),
        *_user(scene),
        *_graph(scene),
        *_social(scene),
        *_content(scene),
        *_feeds(scene),
    ]


def _identity(scene: Scene) -> list[Case]:
    def account(turn: int) -> Asked:
        return Asked("GetAccount", identity.GetAccountRequest(), _guest(scene, turn).token)

    def sign_in(turn: int) -> Asked:
        guest = _guest(scene, turn)
        return Asked("SignIn", identity.SignInRequest(login=guest.handle, password=scene.password), "")

    return [
        Case(
            room="identity",
            name="GetAccount",
            asked=account,
            answered=lambda raw: identity.GetAccountResponse.FromString(raw).HasField("account"),
        ),
        Case(
            room="identity",
            name="SignIn",
            asked=sign_in,
            answered=lambda raw: identity.SignInResponse.FromString(raw).HasField("tokens"),
            rate=_SIGN_INS_A_S,
        ),
    ]


def _user(scene: Scene) -> list[Case]:
    authors = scene.authors

    def profiles(turn: int) -> Asked:
        request = user.GetProfilesRequest(user_ids=_window(authors, turn, PAGE))
        return Asked("GetProfiles", request, _guest(scene, turn).token)

    def update(turn: int) -> Asked:
        return Asked(
            "UpdateProfile", user.UpdateProfileRequest(bio=f"Says {turn}"), _guest(scene, turn).token
        )

    return [
        Case(
            room="user",
            name=f"GetProfiles of {PAGE}",
            asked=profiles,
            answered=lambda raw: len(user.GetProfilesResponse.FromString(raw).profiles) > 0,
        ),
        Case(
            room="user",
            name="UpdateProfile",
            asked=update,
            answered=lambda raw: user.UpdateProfileResponse.FromString(raw).HasField("profile"),
        ),
    ]


def _graph(scene: Scene) -> list[Case]:
    authors, pairs = scene.authors, _pairs(scene.guests, lambda guest: guest.strangers)

    def relations(turn: int) -> Asked:
        request = graph.GetRelationsRequest(subject_ids=_window(authors, turn, SUBJECTS))
        return Asked("GetRelations", request, _guest(scene, turn).token)

    def follow(turn: int) -> Asked:
        guest, user_id, ends = _pair(pairs, turn)
        if ends:
            return Asked("UnfollowUser", graph.UnfollowUserRequest(user_id=user_id), guest.token)
        return Asked("FollowUser", graph.FollowUserRequest(user_id=user_id), guest.token)

    return [
        Case(
            room="graph",
            name=f"GetRelations to {SUBJECTS}",
            asked=relations,
            answered=lambda raw: len(graph.GetRelationsResponse.FromString(raw).relations) > 0,
        ),
        Case(
            room="graph",
            name="FollowUser",
            asked=follow,
            answered=lambda raw: (
                graph.FollowUserResponse.FromString(raw).state == graph.FOLLOW_STATE_FOLLOWING
            ),
        ),
    ]


def _social(scene: Scene) -> list[Case]:
    post_ids, pairs = scene.post_ids, _pairs(scene.guests, lambda guest: guest.unliked)

    def states(turn: int) -> Asked:
        request = social.GetPostStatesRequest(post_ids=_window(post_ids, turn, PAGE))
        return Asked("GetPostStates", request, _guest(scene, turn).token)

    def like(turn: int) -> Asked:
        guest, post_id, ends = _pair(pairs, turn)
        if ends:
            return Asked("UnlikePost", social.UnlikePostRequest(post_id=post_id), guest.token)
        return Asked("LikePost", social.LikePostRequest(post_id=post_id), guest.token)

    return [
        Case(
            room="social",
            name=f"GetPostStates of {PAGE}",
            asked=states,
            answered=lambda raw: len(social.GetPostStatesResponse.FromString(raw).states) > 0,
        ),
        Case(
            room="social",
            name="LikePost",
            asked=like,
            answered=lambda raw: social.LikePostResponse.FromString(raw).state.viewer_has_liked,
        ),
    ]


def _content(scene: Scene) -> list[Case]:
    post_ids = scene.post_ids

    def posts(turn: int) -> Asked:
        request = content.GetPostsRequest(post_ids=_window(post_ids, turn, PAGE))
        return Asked("GetPosts", request, _guest(scene, turn).token)

    def create(turn: int) -> Asked:
        request = content.CreatePostRequest(
            caption=f"Post {turn}",
            content_type=content.CONTENT_TYPE_TEXT,
            tags=["bench"],
            audience=content.AUDIENCE_EVERYONE,
        )
        return Asked("CreatePost", request, _guest(scene, turn).token)

    return [
        Case(
            room="content",
            name=f"GetPosts of {PAGE}",
            asked=posts,
            answered=lambda raw: len(content.GetPostsResponse.FromString(raw).posts) > 0,
        ),
        Case(
            room="content",
            name="CreatePost",
            asked=create,
            answered=lambda raw: content.CreatePostResponse.FromString(raw).HasField("post"),
        ),
    ]


def _feeds(scene: Scene) -> list[Case]:
    """Return the cases of those who make a feed: features, ranking, feed."""
    post_ids = scene.post_ids

    def rows(turn: int) -> Asked:
        chosen = _window(scene.posts, turn, CANDIDATES)
        request = features.GetPostRowsRequest(
            post_ids=b"".join(post_id for post_id, _ in chosen),
            author_ids=b"".join(author_id for _, author_id in chosen),
        )
        return Asked("GetPostRows", request, _guest(scene, turn).token)

    def rank(turn: int) -> Asked:
        return Asked("RankHome", ranking.RankHomeRequest(limit=CANDIDATES), _guest(scene, turn).token)

    def next_page(turn: int) -> Asked:
        guest = _guest(scene, turn)
        request = feed.GetHomePageRequest(mode=feed.FEED_MODE_RANKED, page_size=PAGE, page_token=guest.home)
        return Asked("GetHomePage", request, guest.token)

    def first_page(turn: int) -> Asked:
        request = feed.GetHomePageRequest(mode=feed.FEED_MODE_RANKED, page_size=PAGE)
        return Asked("GetHomePage", request, _guest(scene, turn).token)

    def seen(turn: int) -> Asked:
        request = feed.MarkSeenRequest(post_ids=_window(post_ids, turn, PAGE))
        return Asked("MarkSeen", request, _guest(scene, turn).token)

    return [
        Case(
            room="features",
            name=f"GetPostRows of {CANDIDATES}",
            asked=rows,
            answered=lambda raw: len(features.GetPostRowsResponse.FromString(raw).rows) > 0,
        ),
        Case(
            room="ranking",
            name=f"RankHome of {CANDIDATES}",
            asked=rank,
            answered=lambda raw: len(ranking.RankHomeResponse.FromString(raw).ranked.scores) > 0,
            rate=_RANKINGS_A_S,
        ),
        Case(
            room="feed",
            name="GetHomePage, a next one",
            asked=next_page,
            answered=lambda raw: len(feed.GetHomePageResponse.FromString(raw).items) > 0,
        ),
        Case(
            room="feed",
            name="GetHomePage, a first one",
            asked=first_page,
            answered=lambda raw: len(feed.GetHomePageResponse.FromString(raw).items) > 0,
            rate=_RANKINGS_A_S,
        ),
        Case(room="feed", name=f"MarkSeen of {PAGE}", asked=seen, answered=lambda raw: raw == b""),
    ]


def _guest(scene: Scene, turn: int) -> Guest:
    return scene.guests[turn % len(scene.guests)]


def _window(items: Sequence[T], turn: int, size: int) -> list[T]:
    """Return the next `size` of some things that go round, all of them where there are fewer."""
    size = min(size, len(items))
    start = turn * size % len(items)
    return [*items[start : start + size], *items[: max(start + size - len(items), 0)]]


def _pairs(
    guests: Sequence[Guest], others: Callable[[Guest], Sequence[bytes]]
) -> Sequence[tuple[Guest, bytes]]:
    """Return every guest with each of his others, the guests taking turns."""
    columns = [[(guest, other) for other in others(guest)] for guest in guests]
    return [pair for row in zip_longest(*columns) for pair in row if pair is not None]


def _pair(pairs: Sequence[tuple[Guest, bytes]], turn: int) -> tuple[Guest, bytes, bool]:
    """Return the pair of a turn, and whether what began a round before ends now: every turn changes something."""
    guest, other = pairs[turn % len(pairs)]
    return guest, other, turn // len(pairs) % 2 == 1
