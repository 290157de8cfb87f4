"""Trap 11: for every viewer a count is the number of entries that he can walk."""

import random
from uuid import UUID

import pytest

from nova.platform.errors import Unavailable
from nova.platform.ids import uuid7
from tests.unit.social.conftest import SocialHouse, some_blocks

PEOPLE = 8


async def furnish(house: SocialHouse, people: list[UUID], seed: int) -> list[bytes]:
    """Have people like, share and discuss three posts; return the posts."""
    chance = random.Random(seed)
    posts = [house.post(author) for author in chance.sample(people, 3)]
    for post_id in posts:
        for person in people:
            if chance.random() < 0.6:
                await house.like(person, post_id)
            if chance.random() < 0.3:
                await house.share(person, post_id)
        said: list[bytes] = []
        for _ in range(14):
            parent = chance.choice([b"", *said])
            said.append((await house.comment(chance.choice(people), post_id, parent)).comment_id)
    return posts


@pytest.mark.parametrize("seed", range(4))
async def test_trap_11_counts_equal_lists_for_every_viewer(house: SocialHouse, seed: int) -> None:
    people = [uuid7() for _ in range(PEOPLE)]
    posts = await furnish(house, people, seed)
    house.world.blocks = some_blocks(people, seed, count=seed * 3)
    for viewer in people:
        visible = {state.post_id: state for state in await house.states(viewer, *posts)}
        for post_id in posts:
            blocked = house.world.blocked(viewer, house.world.posts[post_id])
            assert (post_id in visible) != blocked
            tree = await house.tree(viewer, post_id)
            if blocked:
                assert not tree
                continue
            likers = await house.likers(viewer, post_id)
            assert visible[post_id].like_count == len(likers) == len(set(likers))
            assert visible[post_id].viewer_has_liked == (viewer.bytes in likers)
            assert visible[post_id].comment_count == len(tree) == len({one.comment_id for one in tree})
            authors = {UUID(bytes=comment.author_id) for comment in tree} | {
                UUID(bytes=one) for one in likers
            }
            assert not any(house.world.blocked(viewer, author) for author in authors)
            walked = {comment.comment_id for comment in tree}
            assert {comment.parent_id for comment in tree} <= {b"", *walked}
            for comment in tree:
                replies = [one for one in tree if one.parent_id == comment.comment_id]
                assert comment.reply_count == len(replies)


async def test_a2_a_hidden_ancestor_hides_what_hangs_below(house: SocialHouse) -> None:
    post_id = house.post(house.ada)
    top = await house.comment(house.ada, post_id)
    middle = await house.comment(house.mei, post_id, top.comment_id)
    below = await house.comment(house.ada, post_id, middle.comment_id)
    house.world.blocks.add((house.mei, house.kofi))
    (seen,) = await house.tree(house.kofi, post_id)
    assert (seen.comment_id, seen.reply_count) == (top.comment_id, 0)
    assert (await house.state(house.kofi, post_id)).comment_count == 1
    assert await house.comments(house.kofi, middle.comment_id, below.comment_id) == []
    assert await house.thread(house.kofi, comment_id=middle.comment_id) == []
    assert len(await house.tree(house.ada, post_id)) == 3


@pytest.mark.parametrize("who", ["blocks", "is blocked"])
async def test_a2_a_block_either_way_hides_marks_and_lifting_it_shows_them(
    house: SocialHouse, who: str
) -> None:
    post_id = house.post(house.ada)
    await house.like(house.mei, post_id)
    await house.comment(house.mei, post_id)
    await house.share(house.mei, post_id)
    pair = (house.kofi, house.mei) if who == "blocks" else (house.mei, house.kofi)
    for blocked, count in ((False, 1), (True, 0), (False, 1)):
        (house.world.blocks.add if blocked else house.world.blocks.discard)(pair)
        state = await house.state(house.kofi, post_id)
        assert (state.like_count, state.comment_count, state.share_count) == (count, count, count)
        assert len(await house.likers(house.kofi, post_id)) == count


async def test_a_page_of_posts_asks_its_neighbours_once(house: SocialHouse) -> None:
    posts = [house.post(house.ada) for _ in range(20)]
    for post_id in posts[::2]:
        await house.like(house.kofi, post_id)
    house.content.asked = 0
    states = await house.states(house.kofi, *posts)
    assert [state.post_id for state in states] == posts
    assert [state.like_count for state in states] == [1, 0] * 10
    assert house.content.asked == 1


async def test_a_post_asked_twice_is_answered_twice(house: SocialHouse) -> None:
    post_id = house.post(house.ada)
    assert len(await house.states(house.kofi, post_id, post_id)) == 2


@pytest.mark.parametrize("neighbour", ["content", "graph"])
async def test_s3_without_a_neighbour_nothing_is_guessed(house: SocialHouse, neighbour: str) -> None:
    post_id = house.post(house.ada)
    comment = await house.comment(house.kofi, post_id)
    getattr(house, neighbour).down = True
    for call in (
        house.states(house.kofi, post_id),
        house.likers(house.kofi, post_id),
        house.thread(house.kofi, post_id=post_id),
        house.comments(house.kofi, comment.comment_id),
        house.like(house.kofi, post_id),
    ):
        with pytest.raises(Unavailable):
            await call
    assert await house.rows("likes") == 0


async def test_counts_that_were_read_before_a_change_are_right_after_it(house: SocialHouse) -> None:
    post_id = house.post(house.ada)

    async def counts() -> tuple[int, int, int]:
        state = await house.state(house.mei, post_id)
        return state.like_count, state.comment_count, state.share_count

    assert await counts() == (0, 0, 0)
    await house.like(house.kofi, post_id)
    assert await counts() == (1, 0, 0)
    comment = await house.comment(house.kofi, post_id)
    assert await counts() == (1, 1, 0)
    await house.share(house.kofi, post_id)
    assert await counts() == (1, 1, 1)
    await house.uncomment(house.kofi, comment.comment_id)
    assert await counts() == (1, 0, 1)
    await house.unshare(house.kofi, post_id)
    await house.unlike(house.kofi, post_id)
    assert await counts() == (0, 0, 0)
