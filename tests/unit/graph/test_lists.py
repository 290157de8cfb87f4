"""Lists and counts in view of the caller: the policy's table, pages, and the law that a count is its list."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nova.api.graph.v1 import graph_pb2 as pb
from nova.platform.errors import Forbidden, InvalidArgument, NotFound, Unauthenticated
from nova.platform.ids import uuid7
from nova.policy.relations import Relation
from nova.policy.visibility import Surface, person
from tests.unit.graph.conftest import GraphHouse


async def test_lists_are_newest_first_and_pages_meet_each_once(house: GraphHouse) -> None:
    star, *fans = house.users.people(9)
    for fan in fans:
        house.clock.advance(1)
        await house.follow(fan, star)
    for page_size in (1, 3, 8, 100):
        assert await house.followers(star, star, page_size) == fans[::-1]


async def test_people_of_one_millisecond_are_met_once_too(house: GraphHouse) -> None:
    star, *fans = house.users.people(9)
    await asyncio.gather(*(house.follow(fan, star) for fan in fans))
    found = await house.followers(star, star, 2)
    assert sorted(found) == sorted(fans)
    assert len(found) == len(fans)


async def test_a_scroll_meets_each_once_while_others_write(house: GraphHouse) -> None:
    star, *fans = house.users.people(8)
    for fan in fans[:6]:
        house.clock.advance(1)
        await house.follow(fan, star)
    with house.neighbourhood.as_user(star):
        first = await house.stub.ListFollowers(pb.ListFollowersRequest(user_id=star.bytes, page_size=3))
    house.clock.advance(1)
    await house.follow(fans[6], star)
    await house.unfollow(fans[3], star)
    with house.neighbourhood.as_user(star):
        rest = await house.stub.ListFollowers(
            pb.ListFollowersRequest(user_id=star.bytes, page_size=10, page_token=first.next_page_token)
        )
    assert [edge.user_id for edge in rest.edges] == [fan.bytes for fan in fans[2::-1]]


async def test_a_row_says_since_when(house: GraphHouse) -> None:
    ada, kofi = house.users.people(2)
    await house.follow(ada, kofi)
    with house.neighbourhood.as_user(ada):
        page = await house.stub.ListFollowing(pb.ListFollowingRequest(user_id=ada.bytes))
    rows = await house.database.primary.fetch("SELECT since FROM follows")
    since = rows[0]["since"]
    assert page.edges[0].since.ToDatetime(tzinfo=since.tzinfo) == since - timedelta(
        microseconds=since.microsecond % 1000
    )


async def test_a2_lists_and_counts_of_every_relation_equal_the_policy(house: GraphHouse) -> None:
    subject, follower, followee = house.users.people(3)
    await house.follow(follower, subject)
    await house.follow(subject, followee)
    viewers = dict(
        zip(
            ("stranger", "fan", "asker", "blocked", "blocker", "muted", "muter"),
            house.users.people(7),
            strict=True,
        )
    )
    await house.follow(viewers["fan"], subject)
    await house.tell(
        house.users.block(subject, viewers["blocked"]),
        house.users.block(viewers["blocker"], subject),
        house.users.mute(subject, viewers["muted"]),
        house.users.mute(viewers["muter"], subject),
    )
    for private in (False, True):
        await house.tell(house.users.change(subject, private=private))
        if private:
            await house.follow(viewers["asker"], subject)
        for viewer in (subject, *viewers.values(), uuid7()):
            relation = await house.relation(viewer, subject)
            shown = person(relation, Surface.LISTS).shown
            lists = (await house.followers(viewer, subject), await house.following(viewer, subject))
            assert [len(one) for one in lists] == ([2, 1] if shown else [0, 0])
            assert await house.counts(viewer, subject) == ((2, 1) if shown else (0, 0))


async def test_hidden_people_are_on_no_list_and_in_no_count(house: GraphHouse) -> None:
    star, ada, kofi, mei = house.users.people(4)
    for fan in (ada, kofi, mei):
        house.clock.advance(1)
        await house.follow(fan, star)
    await house.tell(house.users.block(ada, kofi))
    assert await house.followers(ada, star) == [mei, ada]
    assert await house.followers(kofi, star) == [mei, kofi]
    assert await house.followers(mei, star) == [mei, kofi, ada]
    assert [await house.counts(viewer, star) for viewer in (ada, kofi, mei)] == [(2, 0), (2, 0), (3, 0)]
    with house.neighbourhood.as_user(kofi):
        assert (await house.stub.GetHidden(pb.GetHiddenRequest())).user_ids == ada.bytes


async def test_everyone_followed_comes_in_one_answer(house: GraphHouse) -> None:
    ada, *others = house.users.people(6)
    for other in others:
        house.clock.advance(1)
        await house.follow(ada, other)
    await house.tell(house.users.block(others[0], ada))
    with house.neighbourhood.as_user(ada):
        packed = (await house.stub.GetFollowing(pb.GetFollowingRequest())).user_ids
    assert packed == b"".join(other.bytes for other in others[:0:-1])


async def test_relations_of_many_come_in_the_order_asked(house: GraphHouse) -> None:
    ada, kofi, mei = house.users.people(3)
    await house.follow(ada, kofi)
    await house.follow(mei, ada)
    await house.tell(house.users.mute(ada, kofi, house.clock.now() + timedelta(hours=1)))
    expected = [Relation.FOLLOWED_BY, Relation.SELF, Relation.FOLLOWS | Relation.MUTES, Relation.NONE]
    assert await house.relations(ada, mei, ada, kofi, uuid7()) == expected
    house.clock.advance(3601)
    assert await house.relation(ada, kofi) == Relation.FOLLOWS


@pytest.mark.parametrize("token", [b"x", b"\0" * 23, b"\0" * 25])
async def test_q7_a_token_that_no_page_gave_is_refused(house: GraphHouse, token: bytes) -> None:
    me = uuid7()
    with house.neighbourhood.as_user(me):
        for call in (
            house.stub.ListFollowers(pb.ListFollowersRequest(user_id=me.bytes, page_token=token)),
            house.stub.ListFollowing(pb.ListFollowingRequest(user_id=me.bytes, page_token=token)),
            house.stub.ListFollowRequests(pb.ListFollowRequestsRequest(page_token=token)),
        ):
            with pytest.raises(InvalidArgument) as refusal:
                await call
            assert refusal.value.field == "page_token"


async def test_q5_r8_sizes_and_ids_are_bounded(house: GraphHouse) -> None:
    me = uuid7()
    with house.neighbourhood.as_user(me):
        for call, field in (
            (house.stub.ListFollowers(pb.ListFollowersRequest(user_id=me.bytes, page_size=101)), "page_size"),
            (house.stub.ListFollowing(pb.ListFollowingRequest(user_id=me.bytes, page_size=-1)), "page_size"),
            (house.stub.SuggestUsers(pb.SuggestUsersRequest(page_size=51)), "page_size"),
            (house.stub.GetRelations(pb.GetRelationsRequest(subject_ids=[b"x"])), "subject_ids"),
            (
                house.stub.GetRelations(pb.GetRelationsRequest(subject_ids=[me.bytes] * 1001)),
                "subject_ids",
            ),
            (house.stub.GetFollowCounts(pb.GetFollowCountsRequest(user_ids=[me.bytes] * 201)), "user_ids"),
            (
                house.stub.FindPath(
                    pb.FindPathRequest(from_user_id=me.bytes, to_user_id=me.bytes, max_depth=7)
                ),
                "max_depth",
            ),
            (house.stub.FindPath(pb.FindPathRequest(to_user_id=me.bytes)), "from_user_id"),
        ):
            with pytest.raises(InvalidArgument) as refusal:
                await call
            assert refusal.value.field == field


async def test_r2_reading_needs_a_caller_and_his_permission(house: GraphHouse) -> None:
    me = uuid7()
    with pytest.raises(Unauthenticated):
        await house.stub.GetHidden(pb.GetHiddenRequest())
    with house.neighbourhood.as_user(me, permissions=()):
        for call in (
            house.stub.ListFollowers(pb.ListFollowersRequest(user_id=me.bytes)),
            house.stub.ListFollowing(pb.ListFollowingRequest(user_id=me.bytes)),
            house.stub.ListFollowRequests(pb.ListFollowRequestsRequest()),
            house.stub.GetRelations(pb.GetRelationsRequest(subject_ids=[me.bytes])),
            house.stub.GetHidden(pb.GetHiddenRequest()),
            house.stub.GetFollowCounts(pb.GetFollowCountsRequest(user_ids=[me.bytes])),
            house.stub.GetFollowing(pb.GetFollowingRequest()),
            house.stub.FindPath(pb.FindPathRequest(from_user_id=me.bytes, to_user_id=me.bytes)),
            house.stub.SuggestUsers(pb.SuggestUsersRequest()),
        ):
            with pytest.raises(Forbidden):
                await call


PEOPLE = 5
acts = st.lists(
    st.tuples(
        st.sampled_from(["follow", "unfollow", "block", "unblock", "private", "public"]),
        st.integers(0, PEOPLE - 1),
        st.integers(0, PEOPLE - 1),
    ),
    max_size=25,
)


async def act(house: GraphHouse, people: list[UUID], what: str, one: int, other: int) -> None:
    """Do one thing as a client would."""
    me, user_id = people[one], people[other]
    if what in {"private", "public"}:
        await house.tell(house.users.change(me, private=what == "private"))
    elif one == other:
        return
    elif what in {"follow", "unfollow"}:
        with suppress(NotFound):  # who has blocked him is not there
            await (house.follow if what == "follow" else house.unfollow)(me, user_id)
    elif what == "block":
        await house.tell(house.users.block(me, user_id))
    elif (me, user_id) in house.users.blocks:
        await house.tell(house.users.unblock(me, user_id))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=acts)
async def test_counts_equal_lists_for_every_viewer_and_nobody_hidden_is_on_one(
    house: GraphHouse, acts: list[tuple[str, int, int]]
) -> None:
    people = house.users.people(PEOPLE)
    for what, one, other in acts:
        await act(house, people, what, one, other)
    for viewer in people:
        hidden = {
            other
            for pair, tie in house.users.blocks.items()
            if not tie.lifted and viewer in pair
            for other in pair
            if other != viewer
        }
        for subject in people:
            followers = await house.followers(viewer, subject)
            following = await house.following(viewer, subject)
            assert await house.counts(viewer, subject) == (len(followers), len(following))
            assert not hidden & {*followers, *following}
            closed = house.users.private[subject] and viewer not in {subject, *followers}
            if subject in hidden or closed:
                assert followers == following == []
    assert (await house.projection.verify()).equal
