"""The SQL of a ledger of directed edges. There are two, follows and requests, of one shape.

The version of a pair is its clock: it takes the time of a change in unix ms, and never goes back.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class EdgeLedger:
    """The statements of one ledger. Edges come back as source, target, since, version."""

    table: str
    source: str
    target: str

    @property
    def add(self) -> str:
        """Make edges ($1 sources, $2 targets, $3 since, $4 versions); return those that did not stand."""
        return f"""
            INSERT INTO {self.table} ({self.source}, {self.target}, since, version)
            SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::bigint[])
            ON CONFLICT ({self.source}, {self.target}) DO UPDATE
            SET since = excluded.since, ended_at = NULL,
                version = greatest({self.table}.version + 1, excluded.version)
            WHERE {self.table}.ended_at IS NOT NULL
            RETURNING {self.source} AS source, {self.target} AS target, since, version
        """

    @property
    def end(self) -> str:
        """End edges ($1 sources, $2 targets) at $3, in unix ms $4; return those that stood."""
        return f"""
            UPDATE {self.table} SET ended_at = $3, version = greatest(version + 1, $4)
            FROM unnest($1::uuid[], $2::uuid[]) AS pair (source, target)
            WHERE {self.source} = pair.source AND {self.target} = pair.target AND ended_at IS NULL
            RETURNING source, target, since, version
        """

    @property
    def end_to(self) -> str:
        """End all edges to the targets $1 at $2, in unix ms $3; return them."""
        return f"""
            UPDATE {self.table} SET ended_at = $2, version = greatest(version + 1, $3)
            WHERE {self.target} = any($1) AND ended_at IS NULL
            RETURNING {self.source} AS source, {self.target} AS target, since, version
        """

    @property
    def stands(self) -> str:
        """Tell whether the edge from $1 to $2 stands."""
        return f"""
            SELECT EXISTS (
                SELECT FROM {self.table} WHERE {self.source} = $1 AND {self.target} = $2 AND ended_at IS NULL)
        """

    @property
    def page(self) -> str:
        """Pack the next $3 rows after the pair ($1, $2): all that stand, and those that ended at version $4 or later.

        The ids of a page come as one text of bytes each, in the order of the key.
        """
        return f"""
            WITH page AS MATERIALIZED (
                SELECT {self.source} AS source, {self.target} AS target, since, ended_at, version
                FROM {self.table}
                WHERE ({self.source}, {self.target}) > ($1, $2) AND (ended_at IS NULL OR version >= $4)
                ORDER BY {self.source}, {self.target} LIMIT $3
            )
            SELECT string_agg(uuid_send(source), ''::bytea ORDER BY source, target) AS sources,
                   string_agg(uuid_send(target), ''::bytea ORDER BY source, target) AS targets,
                   array_agg(floor(extract(epoch FROM since) * 1000)::bigint ORDER BY source, target) AS at_ms,
                   array_agg(version ORDER BY source, target) AS versions,
                   array_agg(ended_at IS NOT NULL ORDER BY source, target) AS ended
            FROM page
        """


FOLLOWS: Final = EdgeLedger("follows", "follower_id", "followee_id")
REQUESTS: Final = EdgeLedger("follow_requests", "requester_id", "requested_id")
