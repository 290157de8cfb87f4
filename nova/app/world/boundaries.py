"""The few who shut one another out, and those who only no longer want to hear."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from nova.app.world.language import cast
from nova.app.world.model import Block, Follow, Mute, at_ms, from_ms
from nova.app.world.people import Crowd
from nova.app.world.streams import stream

_PEOPLE_A_BLOCK, _PEOPLE_A_MUTE = 30, 20


def make_blocks(crowd: Crowd, seed: int, now_ms: int) -> tuple[Block, ...]:
    """Return the blocks, oldest first. The main characters have none, so that a tour meets no gap."""
    return tuple(Block(*row) for row in _drawn(crowd, seed, now_ms, "blocks", _PEOPLE_A_BLOCK))


def make_mutes(crowd: Crowd, seed: int, now_ms: int) -> tuple[Mute, ...]:
    """Return the mutes, oldest first."""
    return tuple(Mute(*row) for row in _drawn(crowd, seed, now_ms, "mutes", _PEOPLE_A_MUTE))


def without_blocked(follows: Iterable[Follow], blocks: Iterable[Block]) -> tuple[Follow, ...]:
    """Return the follows that no block has ended."""
    apart = {(block.blocker_id, block.blocked_id) for block in blocks}
    apart |= {(blocked, blocker) for blocker, blocked in apart}
    return tuple(follow for follow in follows if (follow.follower_id, follow.followee_id) not in apart)


def _drawn(
    crowd: Crowd, seed: int, now_ms: int, name: str, people_a_row: int
) -> list[tuple[UUID, UUID, datetime]]:
    """Return different pairs of people with a moment at which both were there, in the order of these moments."""
    rng = stream(seed, name)
    main = {member.handle for member in cast()}
    others = [person for person in crowd.people if person.handle not in main]
    pairs: set[tuple[UUID, UUID]] = set()
    rows: list[tuple[UUID, UUID, datetime]] = []
    while len(rows) < len(crowd.people) // people_a_row:
        one, other = rng.sample(others, 2)
        if (one.id, other.id) not in pairs:
            pairs.add((one.id, other.id))
            since = max(at_ms(one.joined_at), at_ms(other.joined_at))
            rows.append((one.id, other.id, from_ms(rng.randint(since + 1, now_ms - 1))))
    return sorted(rows, key=lambda row: row[2])
