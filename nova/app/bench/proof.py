"""What became of acknowledged writes: all that can be seen at the gateway, compared with the writers' models."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from nova.app.bench.kafka_groups import all_handled
from nova.app.bench.writers import LOST_ANSWERS, Exchanges, Writer
from nova.app.rooms import ROOMS
from nova.app.sources import Sources
from nova.platform.db import link
from nova.platform.errors import Timeout

_PAGE: Final = 100
_WHOLE_S: Final = 60.0
_AGAIN_S: Final = 0.1
_FOLLOWS_S: Final = 10.0
_PAGES = "(first: $first, after: $after) { edges { node { id %s } } pageInfo { hasNextPage endCursor } }"
_POSTS = f"query($first: Int, $after: String) {{ viewer {{ user {{ posts{_PAGES % 'caption'} }} }} }}"
_FEED = (
    "query($first: Int, $after: String) { homeFeed(mode: FOLLOWING, first: $first, after: $after) "
    "{ edges { node { id } } pageInfo { hasNextPage endCursor } } }"
)
_REACTIONS = f"query($id: ID!, $first: Int, $after: String) {{ post(id: $id) {{ %s{_PAGES} }} }}"
_COUNTS = "query($id: ID!) { post(id: $id) { likeCount commentCount } }"
_FOLLOWED = "query($id: ID!) { node(id: $id) { ... on User { viewerFollows } } }"


@dataclass(slots=True)
class Found:
    """What is not as it was acknowledged: `lost` is missing, `doubled` is there without need. Sentences."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)

    def compare(self, what: str, *, expected: Iterable[str], seen: Iterable[str]) -> None:
        """Note what is expected and not seen, and what is seen more often than expected."""
        wanted, met = Counter(expected), Counter(seen)
        self.lost += [f"{what}: {one}" for one in (wanted - met).elements()]
        self.doubled += [f"{what}: {one}" for one in (met - wanted).elements()]

    def compare_state(self, what: str, *, expected: bool, seen: bool) -> None:
        """Note a state that is not the last one that was acknowledged."""
        self.compare(what, expected=["yes"] * expected, seen=["yes"] * seen)


async def proof(asks: Exchanges, writers: Sequence[Writer], targets: Sequence[str]) -> Found:
    """Compare everything that the writers did with what is to be seen. All events must have had their effects.

    What follows the log in memory, as the feed does, is no group, so that `drained` knows nothing of it: it has
    some seconds to get there.
    """
    until = time.monotonic() + _FOLLOWS_S
    while True:
        found = await _compared(asks, writers, targets)
        if not (found.lost or found.doubled) or time.monotonic() > until:
            return found
        await asyncio.sleep(_AGAIN_S)


async def _compared(asks: Exchanges, writers: Sequence[Writer], targets: Sequence[str]) -> Found:
    found = Found()
    for writer in writers:
        await _own(asks, writer, found)
        await _feed(asks, writer, writers, found)
    for post in targets:
        await _reactions(asks, writers, post, found)
    return found


async def drained(sources: Sources) -> bool:
    """Return whether every event has left its outbox, and reached every group. Raises `Unavailable`."""
    for room in ROOMS:
        if await _count(
            sources.room_dsns[room],
            "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM outbox_dead)",
        ):
            return False
    if sources.kafka is not None:
        return await all_handled(sources.kafka)
    behind = "SELECT count(*) FROM group_offsets JOIN partitions ON partition_id = id WHERE next_offset > committed"
    return await _count(sources.log_dsn, behind) == 0


async def _count(dsn: str, query: str) -> int:
    connection = await link.connect(dsn)
    try:
        count: int = await connection.fetchval(query)
        return count
    finally:
        await connection.close()


async def _own(asks: Exchanges, writer: Writer, found: Found) -> None:
    posts = await _walk(asks, writer, _POSTS, "viewer", "user", "posts")
    found.compare(
        f"post of {writer.name}",
        expected=(f"{post_id} {caption}" for caption, post_id in writer.posts.items()),
        seen=(f"{post['id']} {post['caption']}" for post in posts),
    )
    for other, follows in writer.follows.items():
        seen = await _asked(asks, writer, _FOLLOWED, id=other)
        found.compare_state(
            f"{writer.name} follows {other}", expected=follows, seen=seen["node"]["viewerFollows"]
        )


async def _feed(asks: Exchanges, writer: Writer, writers: Sequence[Writer], found: Found) -> None:
    """Compare a feed by time: whom he follows is in it with every post, once. So no event was lost on the way."""
    found.compare(
        f"feed of {writer.name}",
        expected=(
            post
            for other in writers
            if other is writer or writer.follows.get(other.person.id, False)
            for post in other.posts.values()
        ),
        seen=(post["id"] for post in await _walk(asks, writer, _FEED, "homeFeed")),
    )


async def _reactions(asks: Exchanges, writers: Sequence[Writer], post: str, found: Found) -> None:
    reader = writers[0]
    comments = await _walk(asks, reader, _REACTIONS % ("comments", "text"), "post", "comments", id=post)
    likers = await _walk(asks, reader, _REACTIONS % ("likers", "handle"), "post", "likers", id=post)
    counts = (await _asked(asks, reader, _COUNTS, id=post))["post"]
    found.compare(
        f"comment on {post}",
        expected=(
            str(act.arguments["text"])
            for writer in writers
            for act in writer.acts
            if act.verb == "addComment" and act.arguments["postId"] == post
        ),
        seen=(comment["text"] for comment in comments),
    )
    found.compare(
        f"like of {post}",
        expected=(writer.person.id for writer in writers if writer.likes.get(post, False)),
        seen=(liker["id"] for liker in likers),
    )
    for name, things in (("likeCount", likers), ("commentCount", comments)):
        found.compare(
            f"{name} of {post}", expected=map(str, range(len(things))), seen=map(str, range(counts[name]))
        )


async def _asked(asks: Exchanges, by: Writer, document: str, **variables: object) -> Any:  # noqa: ANN401
    """Return `data` of an answer from which nothing is missing, once there is one. Raises `Timeout`."""
    until = time.monotonic() + _WHOLE_S
    while True:
        try:
            answer = await asks.exchange(document, variables, token=by.person.token)
        except LOST_ANSWERS as error:
            missing: object = error
        else:
            missing = answer.get("errors") or answer.get("extensions", {}).get("degraded")
            if not missing:
                return answer["data"]
        if time.monotonic() > until:
            raise Timeout(f"Nothing can be compared, {_WHOLE_S:g} s after all was whole: {missing}.")
        await asyncio.sleep(_AGAIN_S)


async def _walk(asks: Exchanges, by: Writer, document: str, *path: str, **variables: object) -> list[Any]:
    """Return all nodes of the connection at `path`, page by page; `document` takes $first and $after."""
    found: list[Any] = []
    after: str | None = None
    while True:
        part = await _asked(asks, by, document, first=_PAGE, after=after, **variables)
        for step in path:
            part = part[step]
        found += [edge["node"] for edge in part["edges"]]
        if not part["pageInfo"]["hasNextPage"]:
            return found
        after = part["pageInfo"]["endCursor"]
