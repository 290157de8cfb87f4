"""Reading blocks, mutes and the list of all restrictions. Always from the primary: a late block is a leak."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

from nova.platform.db.coalesce import Coalesced
from nova.platform.db.database import Database
from nova.platform.db.pool import Record
from nova.policy.relations import Relation
from nova.services.user.model import BlockState, Listed, Restriction, RestrictionKind, UserId
from nova.services.user.store.rows import listed_of

Pair: TypeAlias = tuple[UserId, UserId]

_BETWEEN = """
SELECT pair.viewer, pair.subject,
       EXISTS (SELECT FROM blocks
               WHERE user_id = pair.viewer AND blocked_id = pair.subject AND lifted_at IS NULL) AS blocks,
       EXISTS (SELECT FROM blocks
               WHERE user_id = pair.subject AND blocked_id = pair.viewer AND lifted_at IS NULL) AS blocked_by
FROM unnest($1::uuid[], $2::uuid[]) AS pair (viewer, subject)
"""
_STATES = """
SELECT user_id, blocked_id, lifted_at IS NOT NULL AS lifted, version FROM blocks
WHERE (user_id, blocked_id) IN (($1, $2), ($2, $1))
"""
_BLOCKED = """
SELECT blocked_id AS listed_id, blocked_at AS listed_at FROM blocks
WHERE user_id = $1 AND lifted_at IS NULL AND (blocked_at, blocked_id) < ($2, $3)
ORDER BY blocked_at DESC, blocked_id DESC LIMIT $4
"""
_MUTED = """
SELECT muted_id AS listed_id, muted_at AS listed_at FROM mutes
WHERE user_id = $1 AND lifted_at IS NULL AND (muted_at, muted_id) < ($2, $3) AND (until IS NULL OR until > $5)
ORDER BY muted_at DESC, muted_id DESC LIMIT $4
"""

NOBODY: Final = UUID(int=0)

_RESTRICTIONS: Final[Mapping[RestrictionKind, str]] = {
    RestrictionKind.BLOCK: """
        SELECT user_id, blocked_id AS other_id, blocked_at AS since, NULL::timestamptz AS until, version
        FROM blocks WHERE lifted_at IS NULL AND (user_id, blocked_id) > ($1, $2)
        ORDER BY user_id, blocked_id LIMIT $3
    """,
    RestrictionKind.MUTE: """
        SELECT user_id, muted_id AS other_id, muted_at AS since, until, version
        FROM mutes WHERE lifted_at IS NULL AND (user_id, muted_id) > ($1, $2)
        ORDER BY user_id, muted_id LIMIT $3
    """,
    RestrictionKind.PRIVATE: """
        SELECT user_id, $2::uuid AS other_id, NULL::timestamptz AS since, NULL::timestamptz AS until, version
        FROM profiles WHERE is_private AND user_id > $1 ORDER BY user_id LIMIT $3
    """,
    RestrictionKind.UNSUGGESTED: """
        SELECT user_id, $2::uuid AS other_id, NULL::timestamptz AS since, NULL::timestamptz AS until, version
        FROM settings JOIN profiles USING (user_id) WHERE NOT suggestible AND user_id > $1
        ORDER BY user_id LIMIT $3
    """,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a walk through all restrictions stands: after this one."""

    kind: RestrictionKind
    user_id: UUID
    other_id: UUID


START: Final = Place(kind=RestrictionKind.BLOCK, user_id=NOBODY, other_id=NOBODY)


class RestrictionStore:
    """Blocks, mutes and private accounts as they lie in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._between: Coalesced[Pair, Relation] = Coalesced(self._load)

    async def between(self, viewer_id: UserId, subjects: Collection[UserId]) -> dict[UserId, Relation]:
        """Return the blocks between the viewer and each subject, as far as relations go that user owns."""
        found = await self._between.get_many([(viewer_id, subject) for subject in subjects])
        return {subject: relation for (_, subject), relation in found.items()}

    async def block_states(self, one: UserId, other: UserId) -> list[BlockState]:
        """Return what was ever written of blocks between two people: at most one row each way."""
        return [
            BlockState(
                user_id=UserId(row["user_id"]),
                blocked_id=UserId(row["blocked_id"]),
                lifted=row["lifted"],
                version=row["version"],
            )
            for row in await self._database.primary.fetch(_STATES, one, other)
        ]

    async def blocked(
        self, user_id: UserId, *, before: datetime, before_id: UUID, limit: int
    ) -> list[Listed]:
        """Return whom a user blocks, newest first, older than a place."""
        rows = await self._database.primary.fetch(_BLOCKED, user_id, before, before_id, limit)
        return [listed_of(row) for row in rows]

    async def muted(
        self, user_id: UserId, *, before: datetime, before_id: UUID, limit: int, now: datetime
    ) -> list[Listed]:
        """Return whom a user mutes now, newest first, older than a place."""
        rows = await self._database.primary.fetch(_MUTED, user_id, before, before_id, limit, now)
        return [listed_of(row) for row in rows]

    async def all_after(self, place: Place, *, limit: int) -> list[Restriction]:
        """Return the next `limit` restrictions after a place, kind by kind; fewer at the end."""
        found: list[Restriction] = []
        user_id, other_id = place.user_id, place.other_id
        for kind in RestrictionKind:
            if kind < place.kind or len(found) == limit:
                continue
            sql = _RESTRICTIONS[kind]
            rows = await self._database.primary.fetch(sql, user_id, other_id, limit - len(found))
            found.extend(_restriction(kind, row) for row in rows)
            user_id = other_id = NOBODY
        return found

    async def _load(self, pairs: list[Pair]) -> dict[Pair, Relation]:
        rows = await self._database.primary.fetch(
            _BETWEEN, [viewer for viewer, _ in pairs], [subject for _, subject in pairs]
        )
        return {
            (UserId(row["viewer"]), UserId(row["subject"])): (
                (Relation.BLOCKS if row["blocks"] else Relation.NONE)
                | (Relation.BLOCKED_BY if row["blocked_by"] else Relation.NONE)
            )
            for row in rows
        }


def place_of(restriction: Restriction) -> Place:
    """Return the place after a restriction."""
    return Place(
        kind=restriction.kind,
        user_id=restriction.user_id,
        other_id=NOBODY if restriction.other_id is None else restriction.other_id,
    )


def _restriction(kind: RestrictionKind, row: Record) -> Restriction:
    paired = kind in {RestrictionKind.BLOCK, RestrictionKind.MUTE}
    return Restriction(
        kind=kind,
        user_id=UserId(row["user_id"]),
        other_id=UserId(row["other_id"]) if paired else None,
        since=row["since"],
        until=row["until"],
        version=row["version"],
    )
