"""A world holds together: equal when made again, nothing before its cause, nobody where he may not be."""

from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest

from nova.app.world.comments import DEEPEST
from nova.app.world.generate import generate
from nova.app.world.model import Audience, ContentType, Person, World, WorldSize
from nova.app.world.posts import WINDOW
from nova.platform.ids import made_at
from tests.unit.app.world.conftest import NOW, SEED


@pytest.fixture(scope="module")
def people(world: World) -> dict[UUID, Person]:
    return {person.id: person for person in world.people}


def test_the_same_size_seed_and_moment_make_the_same_world(world: World) -> None:
    assert generate(WorldSize.SMALL, SEED, NOW) == world


def test_another_seed_or_moment_makes_another_world(world: World) -> None:
    others = [
        generate(WorldSize.SMALL, SEED + 1, NOW),
        generate(WorldSize.SMALL, SEED, NOW + timedelta(hours=1)),
    ]
    for other in others:
        assert {person.id for person in other.people}.isdisjoint(person.id for person in world.people)


def test_a_small_world_has_the_promised_size_and_its_main_characters(world: World) -> None:
    assert (len(world.people), len(world.posts)) == (300, 5_000)
    assert {"ada", "lin_mei", "kofi"} <= {person.handle for person in world.people}
    assert sum(person.is_private for person in world.people) == 30


def test_ids_are_unique_and_say_when_their_things_were_made(world: World) -> None:
    dated = [
        *((person.id, person.joined_at) for person in world.people),
        *((post.id, post.created_at) for post in world.posts),
        *((comment.id, comment.created_at) for comment in world.comments),
    ]
    assert len({key for key, _ in dated}) == len(dated)
    assert all(key.version == 7 and made_at(key) == moment for key, moment in dated)


def test_follows_join_two_different_people_once_and_after_both_came(
    world: World, people: dict[UUID, Person]
) -> None:
    pairs = Counter((follow.follower_id, follow.followee_id) for follow in world.follows)
    assert max(pairs.values()) == 1
    for follow in world.follows:
        assert follow.follower_id != follow.followee_id
        assert people[follow.follower_id].joined_at < follow.followed_at < NOW
        assert people[follow.followee_id].joined_at < follow.followed_at


def test_fame_has_a_heavy_tail(world: World) -> None:
    followers = sorted(Counter(follow.followee_id for follow in world.follows).values(), reverse=True)
    total = sum(followers)
    assert sum(followers[:3]) / total > 0.04
    assert sum(followers[:30]) / total > 0.25
    assert followers[0] > 8 * followers[len(followers) // 2]


def test_people_follow_their_own_circle_and_are_followed_back(
    world: World, people: dict[UUID, Person]
) -> None:
    pairs = {(follow.follower_id, follow.followee_id) for follow in world.follows}
    same_tongue = sum(people[one].language == people[other].language for one, other in pairs) / len(pairs)
    by_chance = sum(count**2 for count in Counter(p.language for p in world.people).values()) / 300**2
    assert same_tongue > 2 * by_chance
    assert sum((other, one) in pairs for one, other in pairs) / len(pairs) > 0.3


def test_the_guide_of_the_tours_follows_forty_and_is_known(world: World) -> None:
    ada = next(person for person in world.people if person.handle == "ada")
    assert not ada.is_private
    assert ada.language == "en"
    assert sum(follow.follower_id == ada.id for follow in world.follows) == 40
    assert sum(follow.followee_id == ada.id for follow in world.follows) > 60


def test_posts_lie_in_the_window_after_their_author_came_and_the_newest_are_new(
    world: World, people: dict[UUID, Person]
) -> None:
    moments = [post.created_at for post in world.posts]
    assert moments == sorted(moments)
    for post in world.posts:
        assert people[post.author_id].joined_at < post.created_at < NOW
        assert post.created_at >= NOW - WINDOW - timedelta(seconds=1)
    assert sum(moment > NOW - timedelta(hours=1) for moment in moments) > 5
    assert moments[-1] > NOW - timedelta(minutes=10)


def test_days_have_a_rhythm(world: World, people: dict[UUID, Person]) -> None:
    hours = Counter(
        (post.created_at + timedelta(hours=people[post.author_id].utc_offset_h)).hour for post in world.posts
    )
    assert sum(hours[hour] for hour in (19, 20, 21)) > 8 * sum(hours[hour] for hour in (2, 3, 4))


def test_media_agree_with_the_kind_of_post(world: World) -> None:
    for post in world.posts:
        count = len(post.media)
        expected = {
            ContentType.TEXT: count == 0,
            ContentType.IMAGE: count == 1,
            ContentType.CAROUSEL: 2 <= count <= 4,
        }
        assert expected[post.content_type]
        assert all(picture.alt_text for picture in post.media)
    assert (
        0.45 < sum(post.content_type is ContentType.IMAGE for post in world.posts) / len(world.posts) < 0.65
    )
    keys = [picture.key for post in world.posts for picture in post.media]
    assert len(set(keys)) == len(keys)


def test_reactions_come_after_their_cause_by_people_who_were_there(
    world: World, people: dict[UUID, Person]
) -> None:
    posts = {post.id: post for post in world.posts}
    likes = Counter((like.user_id, like.post_id) for like in world.likes)
    assert max(likes.values()) == 1
    for like in world.likes:
        assert max(posts[like.post_id].created_at, people[like.user_id].joined_at) < like.liked_at < NOW
        assert like.user_id != posts[like.post_id].author_id
    comments = {comment.id: comment for comment in world.comments}
    for comment in world.comments:
        cause = posts[comment.post_id] if comment.parent_id is None else comments[comment.parent_id]
        assert comment.parent_id is None or comments[comment.parent_id].post_id == comment.post_id
        assert max(cause.created_at, people[comment.author_id].joined_at) < comment.created_at < NOW


def test_parents_come_before_their_replies_and_talks_are_three_deep(world: World) -> None:
    levels: dict[UUID, int] = {}
    for comment in world.comments:
        levels[comment.id] = 1 if comment.parent_id is None else levels[comment.parent_id] + 1
    assert set(levels.values()) == set(range(1, DEEPEST + 1))


def test_likes_are_a_sequence_in_the_order_of_time(world: World) -> None:
    listed = list(world.likes)
    assert listed == sorted(listed, key=lambda like: like.liked_at)
    assert list(world.likes[10:20]) == listed[10:20]
    assert world.likes[-1] == listed[-1]


def test_likes_favour_the_known_and_a_few_posts(world: World) -> None:
    liked = Counter(like.post_id for like in world.likes)
    counts = sorted((liked[post.id] for post in world.posts), reverse=True)
    assert sum(counts[: len(counts) // 10]) / sum(counts) > 0.3
    assert counts[0] > 50
    assert 0 in counts


def test_only_followers_react_where_only_followers_see(world: World, people: dict[UUID, Person]) -> None:
    closed = {
        post.id: post.author_id
        for post in world.posts
        if post.audience is Audience.FOLLOWERS or people[post.author_id].is_private
    }
    pairs = {(follow.follower_id, follow.followee_id) for follow in world.follows}
    acts = [(like.user_id, like.post_id) for like in world.likes]
    acts += [(comment.author_id, comment.post_id) for comment in world.comments]
    seen = [(who, closed[post]) for who, post in acts if post in closed]
    assert len(seen) > 100
    assert all(who == author or (who, author) in pairs for who, author in seen)


def test_a_block_keeps_both_apart(world: World) -> None:
    authors = {post.id: post.author_id for post in world.posts}
    speakers = {comment.id: comment.author_id for comment in world.comments}
    apart = {frozenset((block.blocker_id, block.blocked_id)) for block in world.blocks}
    assert apart
    met = [frozenset((follow.follower_id, follow.followee_id)) for follow in world.follows]
    met += [frozenset((like.user_id, authors[like.post_id])) for like in world.likes]
    met += [frozenset((comment.author_id, authors[comment.post_id])) for comment in world.comments]
    met += [
        frozenset((comment.author_id, speakers[comment.parent_id]))
        for comment in world.comments
        if comment.parent_id is not None
    ]
    assert apart.isdisjoint(met)


def test_mutes_and_blocks_come_after_both_are_there(world: World, people: dict[UUID, Person]) -> None:
    assert world.mutes
    rows = [(block.blocker_id, block.blocked_id, block.blocked_at) for block in world.blocks]
    rows += [(mute.muter_id, mute.muted_id, mute.muted_at) for mute in world.mutes]
    for one, other, moment in rows:
        assert one != other
        assert max(people[one].joined_at, people[other].joined_at) < moment < NOW
