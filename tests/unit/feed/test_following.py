"""FOLLOWING: everything of the people followed and one's own, newest first, each once."""

import pytest

from nova.api.feed.v1 import feed_pb2 as pb
from nova.platform.errors import Forbidden, InvalidArgument, Unauthenticated
from nova.platform.ids import uuid7
from nova.policy.visibility import Audience
from tests.unit.feed.conftest import FOLLOWING, RANKED, FeedHouse, ids


async def test_the_newest_of_those_followed_and_ones_own(house: FeedHouse) -> None:
    for author in (house.kofi, house.mei, house.ada, house.zoe) * 6:
        await house.publish(author)
    scroll = await house.scroll(house.ada, size=4)
    assert scroll.post_ids == house.world.timeline(house.ada)
    assert len(scroll.post_ids) == 18
    assert [len(page) for page in scroll.pages] == [4, 4, 4, 4, 2]
    assert {item.source for item in scroll.items} == {"following"}
    assert all(item.score == 0.0 and not item.features for item in scroll.items)
    authors = {item.post_id: item.author_id for item in scroll.items}
    assert authors == {post_id: house.world.posts[post_id].author.bytes for post_id in authors}
    assert not scroll.degraded


async def test_a_page_that_ends_with_the_last_post_says_so(house: FeedHouse) -> None:
    await house.publish(house.kofi, 8)
    assert [len(page) for page in (await house.scroll(house.ada, size=4)).pages] == [4, 4]


async def test_posts_from_before_the_start_are_loaded(unstarted: FeedHouse) -> None:
    unstarted.follow(unstarted.ada, unstarted.kofi)
    unstarted.write(unstarted.kofi, 30)
    await unstarted.loading.start()
    assert (await unstarted.scroll(unstarted.ada)).post_ids == unstarted.world.timeline(unstarted.ada)


async def test_a_new_post_is_on_top_once_its_event_came(house: FeedHouse) -> None:
    await house.publish(house.mei, 3)
    (post_id,) = await house.publish(house.kofi)
    assert ids(await house.page(house.ada, size=1)) == [post_id]
    (own,) = await house.publish(house.ada)
    assert ids(await house.page(house.ada, size=2)) == [own, post_id]


async def test_a_full_scroll_shows_each_post_once_while_others_write(house: FeedHouse) -> None:
    await house.publish(house.kofi, 23)
    there = house.world.timeline(house.ada)
    shown: list[bytes] = []
    token = b""
    while True:
        page = await house.page(house.ada, size=5, token=token)
        shown += ids(page)
        await house.publish(house.mei, 2)
        token = page.next_page_token
        if not token:
            break
    assert shown == there


async def test_every_item_says_where_to_go_on_after_it(house: FeedHouse) -> None:
    await house.publish(house.kofi, 9)
    page = await house.page(house.ada, size=9)
    for place, item in enumerate(page.items, 1):
        after = await house.page(house.ada, size=9, token=item.page_token)
        assert ids(after) == ids(page)[place:]


async def test_follows_unfollows_and_deletions_hold_at_once(house: FeedHouse) -> None:
    kofis, meis, zoes = [await house.publish(author, 2) for author in (house.kofi, house.mei, house.zoe)]
    house.world.follows.discard((house.ada, house.mei))
    house.follow(house.ada, house.zoe)
    assert set(ids(await house.page(house.ada))) == {*kofis, *zoes}
    # Gone from content, and its event not heard yet.
    del house.world.posts[kofis[0]]
    assert set(ids(await house.page(house.ada))) == {kofis[1], *zoes}
    assert not set(meis) & set(ids(await house.page(house.ada)))


@pytest.mark.parametrize("edges", ["blocks", "blocked", "mutes"])
async def test_a2_blocked_and_muted_people_are_not_in_the_feed(house: FeedHouse, edges: str) -> None:
    await house.publish(house.kofi, 5)
    meis = await house.publish(house.mei, 5)
    pair = (house.ada, house.kofi) if edges != "blocked" else (house.kofi, house.ada)
    (house.world.mutes if edges == "mutes" else house.world.blocks).add(pair)
    for mode in (FOLLOWING, RANKED):
        assert set((await house.scroll(house.ada, mode, size=3)).post_ids) == set(meis)


async def test_a2_audiences_and_private_accounts_hold(house: FeedHouse) -> None:
    followers = await house.publish(house.kofi, audience=Audience.FOLLOWERS)
    chosen = await house.publish(house.kofi, audience=Audience.CHOSEN)
    house.world.private.add(house.kofi)
    assert ids(await house.page(house.ada)) == followers
    assert ids(await house.page(house.kofi)) == [*chosen, *followers]
    assert ids(await house.page(house.zoe, RANKED)) == []


async def test_pages_are_filled_past_what_is_hidden(house: FeedHouse) -> None:
    wanted = await house.publish(house.mei, 10)
    await house.publish(house.kofi, 120)
    house.world.mutes.add((house.ada, house.kofi))
    page = await house.page(house.ada, size=5)
    assert ids(page) == wanted[::-1][:5]
    assert page.next_page_token


async def test_a_page_looks_at_a_bounded_number_and_then_says_where_to_go_on(house: FeedHouse) -> None:
    wanted = await house.publish(house.mei, 3)
    house.write(house.kofi, 2000)
    await house.tell(*map(house.created, house.world.posts))
    house.world.mutes.add((house.ada, house.kofi))
    house.content.checked.clear()
    first = await house.page(house.ada, size=20)
    assert not first.items
    assert first.next_page_token
    assert sum(house.content.checked) <= 1500
    assert (await house.scroll(house.ada)).post_ids == wanted[::-1]


async def test_a_page_of_a_hundred_asks_each_room_once(house: FeedHouse) -> None:
    authors = [uuid7() for _ in range(60)]
    house.follow(house.ada, *authors)
    for author in authors:
        house.write(author, 3)
    await house.tell(*map(house.created, house.world.posts))
    house.content.checked.clear()
    house.graph.asked = 0
    assert len((await house.page(house.ada, size=100)).items) == 100
    assert (len(house.content.checked), house.graph.asked) == (1, 1)


async def test_q7_a_token_of_another_list_or_no_list_is_refused(house: FeedHouse) -> None:
    await house.publish(house.kofi, 5)
    await house.publish(house.zoe, 5)
    following = (await house.page(house.ada, size=2)).next_page_token
    ranked = (await house.page(house.ada, RANKED, size=2)).next_page_token
    explore = (await house.explore(house.ada, size=2)).next_page_token
    wrong = [b"x", b"f", following[:-1], following + b"x", b"?" + following[1:], ranked[:17] + b"\xff" * 20]
    for token in (*wrong, ranked, explore):
        with pytest.raises(InvalidArgument) as refusal:
            await house.page(house.ada, FOLLOWING, token=token)
        assert (refusal.value.field, refusal.value.reason) == ("page_token", "PAGE_TOKEN_UNKNOWN")
    for token in (*wrong, following, explore):
        with pytest.raises(InvalidArgument):
            await house.page(house.ada, RANKED, token=token)
    for token in (*wrong, following, ranked):
        with pytest.raises(InvalidArgument):
            await house.explore(house.ada, token=token)


async def test_r8_a_broken_request_names_its_field(house: FeedHouse) -> None:
    for field, request in (
        ("mode", pb.GetHomePageRequest()),
        ("mode", pb.GetHomePageRequest(mode=99)),  # type: ignore[arg-type] # a number of tomorrow
        ("page_size", pb.GetHomePageRequest(mode=FOLLOWING, page_size=-1)),
        ("page_size", pb.GetHomePageRequest(mode=FOLLOWING, page_size=101)),
    ):
        with house.neighbourhood.as_user(house.ada), pytest.raises(InvalidArgument) as refusal:
            await house.stub.GetHomePage(request)
        assert refusal.value.field == field


async def test_reading_needs_a_caller_who_may(house: FeedHouse) -> None:
    with pytest.raises(Unauthenticated):
        await house.stub.GetHomePage(pb.GetHomePageRequest(mode=FOLLOWING))
    with house.neighbourhood.as_user(house.ada, permissions={"content:read"}):
        for call in (
            house.stub.GetHomePage(pb.GetHomePageRequest(mode=FOLLOWING)),
            house.stub.GetExplorePage(pb.GetExplorePageRequest()),
            house.stub.MarkSeen(pb.MarkSeenRequest()),
            house.stub.NotInterested(pb.NotInterestedRequest(post_id=uuid7().bytes)),
        ):
            with pytest.raises(Forbidden):
                await call


async def test_a_stranger_to_all_has_an_empty_feed(house: FeedHouse) -> None:
    await house.publish(house.kofi, 3)
    page = await house.page(house.zoe)
    assert (list(page.items), page.next_page_token, list(page.degraded)) == ([], b"", [])
