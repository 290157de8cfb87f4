"""What is asked of social and content, and of those who make a feed: features, ranking, feed."""

from collections.abc import Sequence
from typing import Final

from nova.api.content.v1 import content_pb2 as content
from nova.api.features.v1 import features_pb2 as features
from nova.api.feed.v1 import feed_pb2 as feed
from nova.api.ranking.v1 import ranking_pb2 as ranking
from nova.api.social.v1 import social_pb2 as social
from nova.app.bench.room_case import PAGE, Asked, Case, guest_of, pair_at, pairs_of, window
from nova.app.bench.scene import Scene

CANDIDATES: Final = 500
_RANKINGS_A_S: Final = 10.0
"""A ranking is made once a scroll, not once a page."""


def post_cases(scene: Scene) -> Sequence[Case]:
    """Return all cases of these rooms."""
    return [*_social(scene), *_content(scene), *_rankings(scene), *_feed(scene)]


def _social(scene: Scene) -> list[Case]:
    post_ids, pairs = scene.post_ids, pairs_of(scene.guests, lambda guest: guest.unliked)

    def states(turn: int) -> Asked:
        return Asked(
            "GetPostStates",
            social.GetPostStatesRequest(post_ids=window(post_ids, turn, PAGE)),
            guest_of(scene, turn).token,
            lambda raw: len(social.GetPostStatesResponse.FromString(raw).states) > 0,
        )

    def threads(turn: int) -> Asked:
        asked_for = window(post_ids, turn, PAGE)
        return Asked(
            "ListComments",
            social.ListCommentsRequest(post_ids=asked_for, page_size=PAGE),
            guest_of(scene, turn).token,
            lambda raw: len(social.ListCommentsResponse.FromString(raw).threads) == len(asked_for),
        )

    def like(turn: int) -> Asked:
        guest, post_id, ends = pair_at(pairs, turn)
        request = (social.UnlikePostRequest if ends else social.LikePostRequest)(post_id=post_id)
        return Asked(
            "UnlikePost" if ends else "LikePost",
            request,
            guest.token,
            lambda raw: _state(raw).viewer_has_liked is not ends,
        )

    def share(turn: int) -> Asked:
        guest, post_id, ends = pair_at(pairs, turn)
        request = (social.UnsharePostRequest if ends else social.SharePostRequest)(post_id=post_id)
        return Asked(
            "UnsharePost" if ends else "SharePost",
            request,
            guest.token,
            lambda raw: _state(raw).viewer_has_shared is not ends,
        )

    def comment(turn: int) -> Asked:
        guest, post_id, _ = pair_at(pairs, turn)
        return Asked(
            "AddComment",
            social.AddCommentRequest(post_id=post_id, text=f"Remark {turn}"),
            guest.token,
            lambda raw: social.AddCommentResponse.FromString(raw).HasField("comment"),
        )

    return [
        Case(room="social", name=f"GetPostStates of {PAGE}", asked=states),
        Case(room="social", name=f"ListComments of {PAGE}", asked=threads),
        Case(room="social", name="LikePost", asked=like),
        Case(room="social", name="SharePost", asked=share),
        Case(room="social", name="AddComment", asked=comment),
    ]


def _state(raw: bytes) -> social.PostState:
    # All four answers are the state and nothing else, under the same number.
    return social.LikePostResponse.FromString(raw).state


def _content(scene: Scene) -> list[Case]:
    post_ids = scene.post_ids

    def posts(turn: int) -> Asked:
        return Asked(
            "GetPosts",
            content.GetPostsRequest(post_ids=window(post_ids, turn, PAGE)),
            guest_of(scene, turn).token,
            lambda raw: len(content.GetPostsResponse.FromString(raw).posts) > 0,
        )

    def create(turn: int) -> Asked:
        request = content.CreatePostRequest(
            caption=f"Post {turn}",
            content_type=content.CONTENT_TYPE_TEXT,
            tags=["bench"],
            audience=content.AUDIENCE_EVERYONE,
        )
        return Asked(
            "CreatePost",
            request,
            guest_of(scene, turn).token,
            lambda raw: content.CreatePostResponse.FromString(raw).HasField("post"),
        )

    return [
        Case(room="content", name=f"GetPosts of {PAGE}", asked=posts),
        Case(room="content", name="CreatePost", asked=create),
    ]


def _rankings(scene: Scene) -> list[Case]:
    def rows(turn: int) -> Asked:
        chosen = window(scene.posts, turn, CANDIDATES)
        request = features.GetPostRowsRequest(
            post_ids=b"".join(post_id for post_id, _ in chosen),
            author_ids=b"".join(author_id for _, author_id in chosen),
        )
        return Asked(
            "GetPostRows",
            request,
            guest_of(scene, turn).token,
            lambda raw: len(features.GetPostRowsResponse.FromString(raw).rows) > 0,
        )

    def home(turn: int) -> Asked:
        return Asked(
            "RankHome",
            ranking.RankHomeRequest(limit=CANDIDATES),
            guest_of(scene, turn).token,
            lambda raw: _is_ranked(ranking.RankHomeResponse.FromString(raw)),
        )

    def explore(turn: int) -> Asked:
        return Asked(
            "RankExplore",
            ranking.RankExploreRequest(limit=CANDIDATES),
            guest_of(scene, turn).token,
            lambda raw: _is_ranked(ranking.RankExploreResponse.FromString(raw)),
        )

    return [
        Case(room="features", name=f"GetPostRows of {CANDIDATES}", asked=rows),
        Case(room="ranking", name=f"RankHome of {CANDIDATES}", asked=home, rate=_RANKINGS_A_S),
        Case(room="ranking", name=f"RankExplore of {CANDIDATES}", asked=explore, rate=_RANKINGS_A_S),
    ]


def _is_ranked(answer: ranking.RankHomeResponse | ranking.RankExploreResponse) -> bool:
    return len(answer.ranked.scores) > 0 and not answer.degraded


def _feed(scene: Scene) -> list[Case]:
    def next_page(turn: int) -> Asked:
        guest = guest_of(scene, turn)
        request = feed.GetHomePageRequest(mode=feed.FEED_MODE_RANKED, page_size=PAGE, page_token=guest.home)
        return Asked("GetHomePage", request, guest.token, _is_whole_page)

    def first_page(turn: int) -> Asked:
        request = feed.GetHomePageRequest(mode=feed.FEED_MODE_RANKED, page_size=PAGE)
        return Asked("GetHomePage", request, guest_of(scene, turn).token, _is_whole_page)

    def seen(turn: int) -> Asked:
        request = feed.MarkSeenRequest(post_ids=window(scene.post_ids, turn, PAGE))
        return Asked("MarkSeen", request, guest_of(scene, turn).token, lambda raw: raw == b"")

    return [
        Case(room="feed", name="GetHomePage, a next one", asked=next_page),
        Case(room="feed", name="GetHomePage, a first one", asked=first_page, rate=_RANKINGS_A_S),
        Case(room="feed", name=f"MarkSeen of {PAGE}", asked=seen),
    ]


def _is_whole_page(raw: bytes) -> bool:
    answer = feed.GetHomePageResponse.FromString(raw)
    return len(answer.items) > 0 and not answer.degraded
