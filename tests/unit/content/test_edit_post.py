"""Editing: the author alone, with history, and deletion that leaves nothing but the id."""

from uuid import UUID

import pytest

from nova.api.content.v1 import content_pb2 as pb
from nova.api.content.v1.events_pb2 import PostDeletedEvent, PostUpdatedEvent
from nova.platform.errors import Forbidden, InvalidArgument, NotFound
from nova.policy.permissions import MEMBER_PERMISSIONS
from nova.policy.relations import Relation
from tests.one_room import outbox_topics
from tests.unit.content.conftest import ContentHouse


async def publish(house: ContentHouse, author: UUID, caption: str = "first") -> bytes:
    with house.neighbourhood.as_user(author):
        created = await house.stub.CreatePost(
            pb.CreatePostRequest(caption=caption, content_type=pb.CONTENT_TYPE_TEXT, tags=["a"])
        )
    return created.post.post_id


async def test_an_edit_shows_at_once_and_keeps_what_was(house: ContentHouse) -> None:
    post_id = await publish(house, house.ada)
    house.clock.advance(60)
    with house.neighbourhood.as_user(house.ada):
        for caption in ("second", "third"):
            edited = await house.stub.EditPost(pb.EditPostRequest(post_id=post_id, caption=caption))
        (read,) = (await house.stub.GetPosts(pb.GetPostsRequest(post_ids=[post_id]))).posts
        edits = (await house.stub.ListPostEdits(pb.ListPostEditsRequest(post_id=post_id))).edits
    assert read == edited.post
    assert (read.caption, list(read.tags), read.version) == ("third", ["a"], 3)
    assert read.edited_at.seconds > read.created_at.seconds
    assert [edit.caption for edit in edits] == ["second", "first"]
    payload = await house.database.primary.fetchval("SELECT payload FROM outbox ORDER BY seq DESC LIMIT 1")
    assert PostUpdatedEvent.FromString(payload).version == 3


async def test_changing_nothing_is_no_edit(house: ContentHouse) -> None:
    post_id = await publish(house, house.ada)
    with house.neighbourhood.as_user(house.ada):
        edited = await house.stub.EditPost(pb.EditPostRequest(post_id=post_id, caption="first"))
    assert not edited.post.HasField("edited_at")
    assert await outbox_topics(house.database) == ["content.post.created"]


async def test_an_edit_obeys_the_rules(house: ContentHouse) -> None:
    post_id = await publish(house, house.ada)
    with house.neighbourhood.as_user(house.ada):
        for wrong in ({"caption": "x" * 2001}, {"tags": pb.TagList(tags=["a-b"])}, {"caption": ""}):
            with pytest.raises(InvalidArgument):
                await house.stub.EditPost(pb.EditPostRequest(post_id=post_id, **wrong))


async def test_a1_nobody_edits_or_reads_edits_of_anothers_post(house: ContentHouse) -> None:
    post_id = await publish(house, house.ada)
    with house.neighbourhood.as_user(house.kofi):
        with pytest.raises(Forbidden):
            await house.stub.EditPost(pb.EditPostRequest(post_id=post_id, caption="mine"))
        with pytest.raises(NotFound):
            await house.stub.ListPostEdits(pb.ListPostEditsRequest(post_id=post_id))
        with pytest.raises(Forbidden):
            await house.stub.DeletePost(pb.DeletePostRequest(post_id=post_id))


async def test_deletion_leaves_only_the_id(house: ContentHouse) -> None:
    post_id = await publish(house, house.ada)
    with house.neighbourhood.as_user(house.ada):
        await house.stub.EditPost(pb.EditPostRequest(post_id=post_id, caption="second"))
        await house.stub.DeletePost(pb.DeletePostRequest(post_id=post_id))
        with pytest.raises(NotFound):
            await house.stub.DeletePost(pb.DeletePostRequest(post_id=post_id))
        assert not (await house.stub.GetPosts(pb.GetPostsRequest(post_ids=[post_id]))).posts
    for table in ("posts", "post_edits", "post_audience"):
        assert await house.database.primary.fetchval(f"SELECT count(*) FROM {table}") == 0
    topics = await outbox_topics(house.database)
    assert topics == ["content.post.created", "content.post.updated", "content.post.deleted"]


async def test_a_deletion_repeated_under_its_key_gives_the_first_answer(house: ContentHouse) -> None:
    request = pb.DeletePostRequest(post_id=await publish(house, house.ada))
    with house.neighbourhood.as_user(house.ada, key="key-1"):
        for _ in range(2):
            await house.stub.DeletePost(request)
    with house.neighbourhood.as_user(house.ada, key="key-2"), pytest.raises(NotFound):
        await house.stub.DeletePost(request)
    assert (await outbox_topics(house.database)).count("content.post.deleted") == 1


async def test_d1_a_moderator_deletes_what_another_wrote(house: ContentHouse) -> None:
    post_id = await publish(house, house.ada)
    with house.neighbourhood.as_user(house.kofi, permissions=MEMBER_PERMISSIONS | {"content:delete:any"}):
        await house.stub.DeletePost(pb.DeletePostRequest(post_id=post_id))
    assert (await outbox_topics(house.database))[-1] == "content.post.deleted"


HIDDEN = [Relation.BLOCKED_BY, Relation.BLOCKS, Relation.PRIVATE]
MODERATOR = MEMBER_PERMISSIONS | {"content:delete:any"}


@pytest.mark.parametrize("relation", HIDDEN)
async def test_d1_a_moderator_deletes_what_is_hidden_from_him_and_does_nothing_else_with_it(
    house: ContentHouse, relation: Relation
) -> None:
    post_id = await publish(house, house.ada)
    house.graph.set(house.kofi, house.ada, relation)
    delete = pb.DeletePostRequest(post_id=post_id)
    with house.neighbourhood.as_user(house.kofi), pytest.raises(NotFound):
        await house.stub.DeletePost(delete)
    with house.neighbourhood.as_user(house.kofi, permissions=MODERATOR, key="key-1"):
        assert not (await house.stub.GetPosts(pb.GetPostsRequest(post_ids=[post_id]))).posts
        with pytest.raises(NotFound):
            await house.stub.EditPost(pb.EditPostRequest(post_id=post_id, caption="mine"))
        for _ in range(2):
            await house.stub.DeletePost(delete)
    with house.neighbourhood.as_user(house.kofi, permissions=MODERATOR), pytest.raises(NotFound):
        await house.stub.DeletePost(delete)
    rows = await house.database.primary.fetch(
        "SELECT payload FROM outbox WHERE topic = 'content.post.deleted'"
    )
    (event,) = [PostDeletedEvent.FromString(row["payload"]) for row in rows]
    assert (event.user_id, event.actor_id) == (house.ada.bytes, house.kofi.bytes)


async def test_d1_only_for_a_deletion_and_only_a_moderator_is_told_who_wrote_a_hidden_post(
    house: ContentHouse,
) -> None:
    post_id = await publish(house, house.ada)
    house.graph.set(house.kofi, house.ada, Relation.BLOCKED_BY)
    moderator = MEMBER_PERMISSIONS | {"social:delete:any"}
    for permissions, for_deletion, authors in (
        (MEMBER_PERMISSIONS, False, []),
        (MEMBER_PERMISSIONS, True, []),
        (moderator, False, []),
        (moderator, True, [house.ada.bytes]),
    ):
        with house.neighbourhood.as_user(house.kofi, permissions=permissions):
            checked = await house.stub.CheckPosts(
                pb.CheckPostsRequest(post_ids=[post_id], for_deletion=for_deletion)
            )
        assert [post.author_id for post in checked.posts] == authors


async def test_projections_page_through_all_that_lives(house: ContentHouse) -> None:
    posts = [await publish(house, author) for author in (house.ada, house.kofi, house.ada)]
    with house.neighbourhood.as_user(house.ada):
        await house.stub.DeletePost(pb.DeletePostRequest(post_id=posts[0]))
    first = await house.stub.ListPostings(pb.ListPostingsRequest(page_size=1))
    rest = await house.stub.ListPostings(pb.ListPostingsRequest(page_token=first.next_page_token))
    assert [posting.post_id for posting in (*first.postings, *rest.postings)] == posts[1:]
    assert rest.next_page_token == b""
