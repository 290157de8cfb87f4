"""The relationship of a viewer to a subject, both ways, as one number.

The values are those of `nova.api.graph.v1.GetRelationsResponse` and of the native adjacency.
"""

from enum import IntFlag


class Relation(IntFlag):
    """Read from the viewer's side: FOLLOWS is "the viewer follows the subject"."""

    NONE = 0
    FOLLOWS = 1
    FOLLOWED_BY = 2
    REQUESTED = 4
    REQUESTED_BY = 8
    BLOCKS = 16
    BLOCKED_BY = 32
    MUTES = 64
    PRIVATE = 128
    """The subject's account is private."""
    SELF = 256

    @property
    def blocked(self) -> bool:
        """Whether a block stands between the two, either way."""
        return bool(self & (Relation.BLOCKS | Relation.BLOCKED_BY))
