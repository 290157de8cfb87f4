"""Posting lists take news in any order, and the readers' index forgets nobody too late."""

from collections import OrderedDict
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from nova.native.fanout import PostingLists
from nova.policy.visibility import Audience
from nova.services.feed.store.postings import Posting, Postings
from nova.services.feed.store.readers import Readers
from tests.unit.feed.conftest import FeedHouse, ids

POSTS = [UUID(int=number + (1 << 100)).bytes for number in range(4)]
AUTHORS = [UUID(int=number + (1 << 90)).bytes for number in range(2)]
VERSIONS = 3


def news(post: int, version: int) -> Posting:
    return Posting(
        post_id=POSTS[post], author_id=AUTHORS[post % 2], audience=version, content_type=1, version=version
    )


@given(
    st.sets(st.sampled_from(range(len(POSTS)))),
    st.permutations([(post, version) for post in range(4) for version in (1, 2, 3, 4)]),
)
def test_x2_the_highest_version_wins_and_deletion_over_all(
    deleted: set[int], told: list[tuple[int, int]]
) -> None:
    postings = Postings()
    postings.replace(PostingLists())
    for post, version in told:
        if version <= VERSIONS:
            postings.put([news(post, version)])
        elif post in deleted:
            postings.remove([(POSTS[post], AUTHORS[post % 2])])
    left = PostingLists()
    for post in set(range(len(POSTS))) - deleted:
        left.insert(AUTHORS[post % 2], POSTS[post], news(post, VERSIONS).meta)
    assert postings._lists.content_hash() == left.content_hash()


def test_what_is_remembered_of_edits_is_bounded() -> None:
    postings = Postings()
    for number in range(25_000):
        postings.remove([(UUID(int=number).bytes, AUTHORS[0])])
    assert len(postings._versions) == 20_000


async def test_x2_a_deletion_heard_before_the_post_leaves_nothing(house: FeedHouse) -> None:
    (post_id,) = house.write(house.kofi)
    created = house.created(post_id)
    await house.tell(house.deleted(post_id, house.kofi))
    await house.tell(created)
    assert ids(await house.page(house.ada)) == []
    assert len(house.loading._postings) == 0


async def test_what_events_made_equals_what_content_holds(house: FeedHouse) -> None:
    posts = await house.publish(house.kofi, 5) + await house.publish(house.mei, 3, Audience.FOLLOWERS)
    del house.world.posts[posts[0]]
    await house.tell(house.deleted(posts[0], house.kofi))
    found = await house.audit.verify()
    assert (found.entries, found.equal) == (7, True)
    house.write(house.zoe)
    assert not (await house.audit.verify()).equal


async def test_x1_an_event_that_cannot_be_read_is_skipped(house: FeedHouse) -> None:
    (first,) = house.write(house.kofi)
    bad = house.created(first)
    await house.tell(
        type(bad)(id=bad.id, topic=bad.topic, key=bad.key, payload=b"\xff\xff", emitted_at=bad.emitted_at)
    )
    (post_id,) = await house.publish(house.kofi)
    assert ids(await house.page(house.ada, size=1)) == [post_id]


@given(st.lists(st.tuples(st.integers(0, 5), st.sets(st.integers(0, 4), max_size=4), st.booleans())))
def test_readers_are_the_latest_and_found_by_whom_they_follow(
    steps: list[tuple[int, set[int], bool]],
) -> None:
    users = [UUID(int=number + (1 << 80)).bytes for number in range(6)]
    authors = [UUID(int=number + (1 << 90)).bytes for number in range(5)]
    readers, model = Readers(most=3, most_edges=8), OrderedDict[bytes, set[int]]()
    for user, following, leaves in steps:
        if leaves:
            readers.forget([users[user]])
            model.pop(users[user], None)
            continue
        changed = model.pop(users[user], None) != following
        packed = b"".join(authors[author] for author in sorted(following))
        assert readers.note(users[user], packed, now_s=0.0, fresh_for_s=1.0) == changed
        model[users[user]] = following
        while len(model) > 3 or sum(map(len, model.values())) > 8:
            model.popitem(last=False)
    assert len(readers) == len(model)
    for number, author in enumerate(authors):
        expected = {user for user, following in model.items() if number in following}
        assert set(readers.of(author)) == expected


def test_a_reader_known_for_long_is_noted_anew() -> None:
    readers, user, author = Readers(), UUID(int=1).bytes, UUID(int=2).bytes
    assert readers.note(user, author, now_s=0.0, fresh_for_s=10.0)
    assert not readers.note(user, author, now_s=9.0, fresh_for_s=10.0)
    assert readers.note(user, author, now_s=11.0, fresh_for_s=10.0)
    assert readers.of(author) == [user]


def test_one_with_too_many_follows_is_not_kept() -> None:
    readers, user = Readers(most_edges=2), UUID(int=1).bytes
    following = b"".join(UUID(int=number).bytes for number in range(2, 5))
    assert readers.note(user, following, now_s=0.0, fresh_for_s=10.0)
    assert len(readers) == 0
