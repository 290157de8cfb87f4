"""The rules of sight, each by itself and the laws that bind them all."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova.policy.relations import Relation
from nova.policy.visibility import Audience, Surface, Verdict, content, person

relations = st.integers(min_value=0, max_value=511).map(Relation)
surfaces = st.sampled_from(Surface)
audiences = st.sampled_from(Audience)


@given(relations, audiences, surfaces, st.booleans())
def test_a_block_either_way_hides_all_content(
    relation: Relation, audience: Audience, surface: Surface, chosen: bool
) -> None:
    for block in (Relation.BLOCKS, Relation.BLOCKED_BY):
        seen = content((relation | block) & ~Relation.SELF, audience, surface, chosen=chosen)
        assert seen is Verdict.BLOCK


@given(relations, surfaces)
def test_the_blocked_one_meets_his_blocker_nowhere(relation: Relation, surface: Surface) -> None:
    assert person((relation | Relation.BLOCKED_BY) & ~Relation.SELF, surface) is Verdict.BLOCK


def test_who_blocks_keeps_the_card_to_lift_the_block() -> None:
    assert person(Relation.BLOCKS, Surface.CARD).shown
    assert not person(Relation.BLOCKS, Surface.LISTS).shown
    assert not person(Relation.BLOCKS | Relation.BLOCKED_BY, Surface.CARD).shown


@given(relations, audiences, surfaces)
def test_an_author_sees_all_his_own(relation: Relation, audience: Audience, surface: Surface) -> None:
    assert content(relation | Relation.SELF, audience, surface).shown


@pytest.mark.parametrize("surface", Surface)
@pytest.mark.parametrize("audience", Audience)
def test_a_private_account_opens_to_followers_only(audience: Audience, surface: Surface) -> None:
    for state in (Relation.NONE, Relation.REQUESTED, Relation.FOLLOWED_BY):
        verdict = content(Relation.PRIVATE | state, audience, surface, chosen=True)
        assert verdict is Verdict.PRIVATE
    assert content(Relation.PRIVATE | Relation.FOLLOWS, Audience.EVERYONE, surface).shown


def test_a4_a_pending_follow_opens_nothing() -> None:
    assert person(Relation.PRIVATE | Relation.REQUESTED, Surface.LISTS) is Verdict.PRIVATE
    assert content(Relation.REQUESTED, Audience.FOLLOWERS, Surface.POST) is Verdict.AUDIENCE


def test_audiences() -> None:
    for follows, chosen in product((Relation.NONE, Relation.FOLLOWS), (False, True)):
        assert content(follows, Audience.EVERYONE, Surface.POST, chosen=chosen).shown
        assert content(follows, Audience.FOLLOWERS, Surface.POST, chosen=chosen).shown is bool(follows)
        assert content(follows, Audience.CHOSEN, Surface.POST, chosen=chosen).shown is chosen


def test_a_mute_hides_what_is_offered_and_nothing_that_is_asked_for() -> None:
    muted = Relation.MUTES | Relation.FOLLOWS
    assert content(muted, Audience.EVERYONE, Surface.FEED) is Verdict.MUTE
    assert content(muted, Audience.EVERYONE, Surface.POST).shown
    assert person(Relation.MUTES, Surface.SUGGESTION) is Verdict.MUTE
    assert person(Relation.MUTES, Surface.LISTS).shown


def test_suggestions_leave_out_the_known() -> None:
    for known in (Relation.FOLLOWS, Relation.REQUESTED, Relation.SELF):
        assert person(known, Surface.SUGGESTION) is Verdict.KNOWN
    assert person(Relation.FOLLOWED_BY, Surface.SUGGESTION).shown
