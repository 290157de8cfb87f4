"""The postings that ranking recalls from."""

from nova.services.ranking.store import PostIndex
from tests.unit.ranking.known import index_of, person, post_id, posting

FRIEND, STRANGER = person(1), person(2)
FOLLOWERS = 2


def tagged(index: PostIndex, *tags: str) -> list[bytes]:
    packed, _ = index.of_tags(tags, want=10)
    return [packed[at : at + 16] for at in range(0, len(packed), 16)]


def test_putting_again_changes_nothing() -> None:
    one = posting(post_id(1), FRIEND, tags=["tea"])
    index = index_of(one, one)
    index.put([one])
    assert len(index) == 1
    assert tagged(index, "TEA") == [post_id(1)]


def test_an_edit_moves_a_post_to_its_new_tags_and_audience() -> None:
    index = index_of(posting(post_id(1), FRIEND, tags=["tea", "cups"]))
    index.put([posting(post_id(1), FRIEND, tags=["coffee"])])
    assert (tagged(index, "tea"), tagged(index, "coffee")) == ([], [post_id(1)])
    index.put([posting(post_id(1), FRIEND, tags=["coffee"], audience=FOLLOWERS)])
    assert tagged(index, "coffee") == []
    assert index.newest(want=5).ids == b""
    assert index.of_authors(FRIEND.bytes, want=5).ids == post_id(1)


def test_what_is_removed_is_found_nowhere_and_may_be_removed_twice() -> None:
    index = index_of(posting(post_id(1), FRIEND, tags=["tea"]), posting(post_id(2), STRANGER))
    for _ in range(2):
        index.remove([(post_id(1), FRIEND.bytes)])
    assert tagged(index, "tea") == []
    assert index.newest(want=5).ids == post_id(2)


def test_a_post_with_two_liked_tags_comes_once_with_its_author() -> None:
    index = index_of(posting(post_id(1), FRIEND, tags=["tea", "cups"]))
    assert index.of_tags(["tea", "cups"], want=10) == (post_id(1), FRIEND.bytes)
