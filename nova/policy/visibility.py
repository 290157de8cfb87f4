"""Who sees what: the one place where it is decided.

Given facts (the relation of viewer and author, the audience, the surface) it returns a verdict with the rule
that made it. Fetching the facts, in batches, is the caller's work. Every read path asks here, counts
included: a count is the number of entries that pass, and so equals the list that the same viewer can walk.
"""

from enum import Enum, StrEnum

from nova.policy.relations import Relation


class Audience(Enum):
    """Whom the author of a post or story meant it for."""

    EVERYONE = 1
    FOLLOWERS = 2
    CHOSEN = 3


class Surface(Enum):
    """Where something would be shown."""

    CARD = 1
    """The bare profile card: handle, name, picture."""
    LISTS = 2
    """What hangs on a profile: posts, followers, following, and their counts."""
    POST = 3
    """A post or story by itself, with its reactions."""
    FEED = 4
    """Home and explore: what is offered, not asked for."""
    SUGGESTION = 5
    """People offered to be followed."""


class Verdict(StrEnum):
    """The rule that decided. Only `SHOWN` shows."""

    SHOWN = "shown"
    BLOCK = "block"
    PRIVATE = "private"
    AUDIENCE = "audience"
    MUTE = "mute"
    KNOWN = "known"
    """A suggestion of someone who is already followed or asked."""

    @property
    def shown(self) -> bool:
        """Whether the viewer sees it."""
        return self is Verdict.SHOWN


def person(relation: Relation, surface: Surface) -> Verdict:  # noqa: PLR0911 - one line a rule, in order
    """Decide whether the viewer meets this person on this surface."""
    if relation & Relation.SELF:
        return Verdict.KNOWN if surface is Surface.SUGGESTION else Verdict.SHOWN
    if relation & Relation.BLOCKED_BY:
        return Verdict.BLOCK
    # Who blocks someone keeps his card, or he could never lift the block.
    if relation & Relation.BLOCKS and surface is not Surface.CARD:
        return Verdict.BLOCK
    if surface is Surface.LISTS and relation & Relation.PRIVATE and not relation & Relation.FOLLOWS:
        return Verdict.PRIVATE
    if surface in {Surface.FEED, Surface.SUGGESTION} and relation & Relation.MUTES:
        return Verdict.MUTE
    if surface is Surface.SUGGESTION and relation & (Relation.FOLLOWS | Relation.REQUESTED):
        return Verdict.KNOWN
    return Verdict.SHOWN


def content(  # noqa: PLR0911 - one line a rule, in order
    relation: Relation, audience: Audience, surface: Surface, *, chosen: bool = False
) -> Verdict:
    """Decide whether the viewer sees what this author made for this audience.

    `relation` is to the author; `chosen` says whether the author named the viewer (for `Audience.CHOSEN`).
    """
    if relation & Relation.SELF:
        return Verdict.SHOWN
    if relation.blocked:
        return Verdict.BLOCK
    follows = bool(relation & Relation.FOLLOWS)
    if relation & Relation.PRIVATE and not follows:
        return Verdict.PRIVATE
    if audience is Audience.FOLLOWERS and not follows:
        return Verdict.AUDIENCE
    if audience is Audience.CHOSEN and not chosen:
        return Verdict.AUDIENCE
    if surface is Surface.FEED and relation & Relation.MUTES:
        return Verdict.MUTE
    return Verdict.SHOWN
