"""Who asks the rooms, and about what: some people of the world who are signed in, its posts and their authors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from nova.api.content.v1 import content_pb2 as content
from nova.api.feed.v1 import feed_pb2 as feed
from nova.api.graph.v1 import graph_pb2 as graph
from nova.api.identity.v1 import identity_pb2 as identity
from nova.api.social.v1 import social_pb2 as social
from nova.api.user.v1 import user_pb2 as user
from nova.app.bench.client import Client
from nova.app.bench.doors import Doors
from nova.app.bench.own_nova import OwnNova
from nova.app.bench.visitors import followers, refreshable, signed_in
from nova.native.ids import ID_BYTES

GUESTS: Final = 12
SESSIONS: Final = 3
"""Of each guest, to be refreshed: so many at once."""
_POSTINGS: Final = 1000
_AT_ONCE: Final = 200
"""Ids in one question about posts or people: the most that the rooms take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """Somebody who asks.

    `strangers` are open accounts that he does not follow, `unliked` posts that he may like; `home` is where the
    second page of his feed begins.
    """

    user_id: bytes
    handle: str
    token: str
    strangers: Sequence[bytes]
    unliked: Sequence[bytes]
    home: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All of it. A post stands with its author; ids are bytes, as rooms exchange them.

    `refresh_tokens` are of sessions that nobody asks under: each is good once.
    """

    guests: Sequence[Guest]
    password: str
    refresh_tokens: Sequence[str]
    posts: Sequence[tuple[bytes, bytes]]

    @property
    def authors(self) -> Sequence[bytes]:
        """Everybody who wrote one of the posts."""
        return list(dict.fromkeys(author_id for _, author_id in self.posts))

    @property
    def post_ids(self) -> Sequence[bytes]:
        """The posts without their authors."""
        return [post_id for post_id, _ in self.posts]


async def scene_of(nova: OwnNova, doors: Doors) -> Scene:
    """Sign people in at the gateway, and ask the rooms what there is."""
    client = await Client.connect(nova.graphql)
    try:
        first = await signed_in(client, nova.handles[0], nova.password)
        fans = await followers(client, first, nova.handles[0], most=GUESTS)
        handles = list(dict.fromkeys((*nova.handles, *fans)))[:GUESTS]
        tokens = [await signed_in(client, handle, nova.password) for handle in handles]
        refresh_tokens = [await refreshable(client, handle, nova.password) for handle in handles * SESSIONS]
    finally:
        await client.aclose()
    request = content.ListPostingsRequest(page_size=_POSTINGS)
    raw = await doors.ask("content", "ListPostings", request.SerializeToString())
    postings = content.ListPostingsResponse.FromString(raw).postings
    posts = [(posting.post_id, posting.author_id) for posting in postings]
    scene = Scene(guests=[], password=nova.password, refresh_tokens=refresh_tokens, posts=posts)
    guests = [
        await _guest(doors, scene, handle, token) for handle, token in zip(handles, tokens, strict=True)
    ]
    return replace(scene, guests=guests)


async def _guest(doors: Doors, scene: Scene, handle: str, token: str) -> Guest:
    raw = await doors.ask("identity", "GetAccount", identity.GetAccountRequest().SerializeToString(), token)
    own = identity.GetAccountResponse.FromString(raw).account.user_id
    raw = await doors.ask("graph", "GetFollowing", graph.GetFollowingRequest().SerializeToString(), token)
    packed = graph.GetFollowingResponse.FromString(raw).user_ids
    known = {own, *(packed[at : at + ID_BYTES] for at in range(0, len(packed), ID_BYTES))}
    people = user.GetProfilesRequest(user_ids=scene.authors[:_AT_ONCE])
    raw = await doors.ask("user", "GetProfiles", people.SerializeToString(), token)
    profiles = user.GetProfilesResponse.FromString(raw).profiles
    newest = social.GetPostStatesRequest(post_ids=scene.post_ids[-_AT_ONCE:])
    raw = await doors.ask("social", "GetPostStates", newest.SerializeToString(), token)
    states = social.GetPostStatesResponse.FromString(raw).states
    first = feed.GetHomePageRequest(mode=feed.FEED_MODE_RANKED)
    raw = await doors.ask("feed", "GetHomePage", first.SerializeToString(), token)
    return Guest(
        user_id=own,
        handle=handle,
        token=token,
        strangers=[one.user_id for one in profiles if not one.is_private and one.user_id not in known],
        unliked=[state.post_id for state in states if not state.viewer_has_liked],
        home=feed.GetHomePageResponse.FromString(raw).next_page_token,
    )
