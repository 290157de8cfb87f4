"""Comments: threads that one can walk, change and take back, also while others write in them."""

import asyncio

import pytest

from nova.api.social.v1 import social_pb2 as pb
from nova.api.social.v1.events_pb2 import CommentEvent
from nova.platform.errors import Forbidden, InvalidArgument, NotFound
from nova.platform.ids import uuid7
from nova.services.social.model import DEPTH_MOST
from tests.one_room import outbox_topics
from tests.unit.social.conftest import SocialHouse


async def test_a_comment_and_a_reply_come_back_as_written(house: SocialHouse) -> None:
    post_id = house.post(house.ada)
    top = await house.comment(house.kofi, post_id, text="早安 🌅\nsecond line")
    reply = await house.comment(house.ada, post_id, top.comment_id, "thank you")
    assert (top.text, top.author_id, top.parent_id) == ("早安 🌅\nsecond line", house.kofi.bytes, b"")
    assert (reply.parent_id, reply.post_id) == (top.comment_id, post_id)
    (read_top,) = await house.thread(house.mei, post_id=post_id)
    assert read_top.reply_count == 1
    assert await house.thread(house.mei, comment_id=top.comment_id) == [reply]
    assert await house.comments(house.mei, reply.comment_id, top.comment_id) == [reply, read_top]
    assert (await house.state(house.mei, post_id)).comment_count == 2
    events = [CommentEvent.FromString(payload) for payload in await house.events("social.comment.created")]
    assert [(event.comment_id, event.parent_id) for event in events] == [
        (top.comment_id, b""),
        (reply.comment_id, top.comment_id),
    ]
    assert {event.author_id for event in events} == {house.ada.bytes}


async def test_threads_of_many_posts_come_in_one_answer(house: SocialHouse) -> None:
    posts = [house.post(house.ada) for _ in range(3)]
    for number, post_id in enumerate(posts):
        for _ in range(number):
            await house.comment(house.kofi, post_id)
    house.content.asked = 0
    with house.neighbourhood.as_user(house.mei):
        answer = await house.stub.ListComments(pb.ListCommentsRequest(post_ids=posts, page_size=1))
    assert [len(thread.comments) for thread in answer.threads] == [0, 1, 1]
    assert [bool(thread.next_page_token) for thread in answer.threads] == [False, False, True]
    assert house.content.asked == 1


async def test_a_list_is_of_posts_or_of_comments_and_a_token_of_one(house: SocialHouse) -> None:
    post_id = house.post(house.ada)
    token = uuid7().bytes
    wrong = [
        pb.ListCommentsRequest(),
        pb.ListCommentsRequest(post_ids=[post_id], comment_ids=[post_id]),
        pb.ListCommentsRequest(post_ids=[post_id, post_id], page_token=token),
        pb.ListCommentsRequest(post_ids=[post_id], page_token=b"short"),
    ]
    with house.neighbourhood.as_user(house.mei):
        for request in wrong:
            with pytest.raises(InvalidArgument):
                await house.stub.ListComments(request)


@pytest.mark.parametrize("text", ["", " \n", "x" * 1001, "a\u202eb", "a\0b"])
async def test_r8_its_text_obeys_the_rules(house: SocialHouse, text: str) -> None:
    post_id = house.post(house.ada)
    own = await house.comment(house.kofi, post_id)
    for call in (house.comment(house.kofi, post_id, text=text), house.edit(house.kofi, own.comment_id, text)):
        with pytest.raises(InvalidArgument) as refusal:
            await call
        assert refusal.value.field == "text"
    assert await house.rows("comments") == 1


async def test_a_thread_is_at_most_twenty_levels_deep(house: SocialHouse) -> None:
    post_id = house.post(house.ada)
    parent = b""
    for _ in range(DEPTH_MOST):
        parent = (await house.comment(house.kofi, post_id, parent)).comment_id
    with pytest.raises(InvalidArgument) as refusal:
        await house.comment(house.kofi, post_id, parent)
    assert refusal.value.reason == "THREAD_TOO_DEEP"
    assert len(await house.tree(house.ada, post_id)) == DEPTH_MOST


async def test_a1_one_cannot_reply_across_posts_or_to_what_is_hidden(house: SocialHouse) -> None:
    here, there = house.post(house.ada), house.post(house.ada)
    elsewhere = await house.comment(house.kofi, there)
    hidden = await house.comment(house.mei, here)
    house.world.blocks.add((house.mei, house.kofi))
    refusals = set()
    for parent_id in (elsewhere.comment_id, hidden.comment_id, uuid7().bytes):
        with pytest.raises(NotFound) as refusal:
            await house.comment(house.kofi, here, parent_id)
        refusals.add((refusal.value.reason, refusal.value.message))
    assert len(refusals) == 1


async def test_only_the_author_edits_and_the_edit_shows(house: SocialHouse) -> None:
    post_id = house.post(house.ada)
    comment = await house.comment(house.kofi, post_id)
    house.clock.advance(60)
    edited = await house.edit(house.kofi, comment.comment_id, "better said")
    assert (edited.text, edited.edited_at.seconds - edited.created_at.seconds) == ("better said", 60)
    assert await house.comments(house.mei, comment.comment_id) == [edited]
    with pytest.raises(Forbidden):
        await house.edit(house.ada, comment.comment_id, "mine")
    house.world.blocks.add((house.mei, house.kofi))
    for user, comment_id in ((house.mei, comment.comment_id), (house.kofi, uuid7().bytes)):
        with pytest.raises(NotFound):
            await house.edit(user, comment_id, "mine")


async def test_deleting_takes_the_replies_along(house: SocialHouse) -> None:
    post_id = house.post(house.ada)
    top = await house.comment(house.kofi, post_id)
    reply = await house.comment(house.mei, post_id, top.comment_id)
    await house.comment(house.kofi, post_id, reply.comment_id)
    other = await house.comment(house.mei, post_id)
    answer = await house.uncomment(house.kofi, top.comment_id)
    assert answer.post_id == post_id
    assert await house.tree(house.ada, post_id) == [other]
    assert (await house.state(house.ada, post_id)).comment_count == 1
    gone = [CommentEvent.FromString(payload) for payload in await house.events("social.comment.deleted")]
    assert len(gone) == 3
    assert {event.user_id for event in gone} == {house.kofi.bytes, house.mei.bytes}


async def test_d1_who_may_delete_a_comment(house: SocialHouse) -> None:
    post_id = house.post(house.ada)
    for user, more in ((house.kofi, ()), (house.ada, ()), (house.mei, ("social:delete:any",))):
        comment = await house.comment(house.kofi, post_id)
        if user != house.kofi:
            with pytest.raises(Forbidden):
                await house.uncomment(house.mei, comment.comment_id)
        await house.uncomment(user, comment.comment_id, *more)
        with pytest.raises(NotFound):
            await house.uncomment(user, comment.comment_id, *more)
    assert await house.rows("comments") == 0


async def test_d1_a_moderator_deletes_comments_that_are_hidden_from_him(house: SocialHouse) -> None:
    zoe = uuid7()
    by_a_blocker, at_a_blocker, at_a_hidden_post = [
        (house.post(author), who)
        for author, who in ((house.mei, house.kofi), (house.ada, house.mei), (house.mei, house.mei))
    ]
    comments = [
        await house.comment(who, post_id) for post_id, who in (by_a_blocker, at_a_blocker, at_a_hidden_post)
    ]
    house.world.blocks |= {(house.kofi, zoe), (house.ada, zoe)}
    house.world.hidden.add((zoe, at_a_hidden_post[0]))
    assert await house.comments(zoe, *(comment.comment_id for comment in comments)) == []
    for comment in comments:
        with pytest.raises(NotFound) as refusal:
            await house.uncomment(zoe, comment.comment_id)
        assert refusal.value.reason == "COMMENT_NOT_FOUND"
        for _ in range(2):
            await house.uncomment(zoe, comment.comment_id, "social:delete:any", key=comment.comment_id.hex())
    assert await house.rows("comments") == 0
    gone = [CommentEvent.FromString(payload) for payload in await house.events("social.comment.deleted")]
    assert {event.actor_id for event in gone} == {zoe.bytes}
    assert [event.user_id for event in gone] == [house.kofi.bytes, house.mei.bytes, house.mei.bytes]


async def test_a_deletion_repeated_under_its_key_gives_the_first_answer(house: SocialHouse) -> None:
    comment = await house.comment(house.kofi, house.post(house.ada))
    first = await house.uncomment(house.kofi, comment.comment_id, key="key-1")
    assert await house.uncomment(house.kofi, comment.comment_id, key="key-1") == first
    for _ in range(2):
        with pytest.raises(NotFound):
            await house.uncomment(house.kofi, comment.comment_id, key="key-2")
    assert len(await house.events("social.comment.deleted")) == 1


async def test_a_comment_repeated_under_its_key_is_made_once(house: SocialHouse) -> None:
    post_id = house.post(house.ada)
    made = await asyncio.gather(*(house.comment(house.kofi, post_id, key="key-1") for _ in range(5)))
    assert len({comment.comment_id for comment in made}) == 1
    assert await house.rows("comments") == 1
    assert await outbox_topics(house.database) == ["social.comment.created"]


async def test_likes_of_comments_are_counted_for_who_may_see_them(house: SocialHouse) -> None:
    post_id = house.post(house.ada)
    comment_id = (await house.comment(house.kofi, post_id)).comment_id
    zoe = uuid7()
    for user in (zoe, house.mei, house.mei):
        with house.neighbourhood.as_user(user):
            liked = (await house.stub.LikeComment(pb.LikeCommentRequest(comment_id=comment_id))).comment
        assert liked.viewer_has_liked
    assert liked.like_count == 2
    house.world.blocks.add((zoe, house.mei))
    (seen,) = await house.comments(house.mei, comment_id)
    assert (seen.like_count, seen.viewer_has_liked) == (1, True)
    with house.neighbourhood.as_user(house.mei):
        unliked = (await house.stub.UnlikeComment(pb.UnlikeCommentRequest(comment_id=comment_id))).comment
        assert (unliked.like_count, unliked.viewer_has_liked) == (0, False)
        with pytest.raises(NotFound):
            await house.stub.LikeComment(pb.LikeCommentRequest(comment_id=uuid7().bytes))


async def test_deleting_a_thread_while_replies_are_written_leaves_exact_counts(house: SocialHouse) -> None:
    post_id = house.post(house.ada)
    for _ in range(3):
        top = await house.comment(house.kofi, post_id)
        replies = [await house.comment(house.mei, post_id, top.comment_id) for _ in range(3)]
        parents = [top, *replies] * 3
        outcomes = await asyncio.gather(
            *(house.comment(house.mei, post_id, parent.comment_id) for parent in parents),
            house.uncomment(house.kofi, top.comment_id),
            *(house.comment(house.mei, post_id, parent.comment_id) for parent in parents),
            return_exceptions=True,
        )
        assert all(isinstance(one, NotFound | pb.Comment | pb.DeleteCommentResponse) for one in outcomes)
        left = await house.tree(house.ada, post_id)
        assert left == []
        assert await house.rows("comments") == 0
        assert (await house.state(house.ada, post_id)).comment_count == 0
    created, deleted = [await house.events(f"social.comment.{what}") for what in ("created", "deleted")]
    assert len(created) == len(deleted)


async def test_two_who_delete_overlapping_threads_count_each_comment_once(house: SocialHouse) -> None:
    post_id = house.post(house.ada)
    stays = await house.comment(house.kofi, post_id)
    for _ in range(5):
        top = await house.comment(house.kofi, post_id)
        reply = await house.comment(house.kofi, post_id, top.comment_id)
        await house.comment(house.kofi, post_id, reply.comment_id)
        outcomes = await asyncio.gather(
            house.uncomment(house.kofi, reply.comment_id),
            house.uncomment(house.ada, top.comment_id),
            house.uncomment(house.kofi, top.comment_id),
            return_exceptions=True,
        )
        assert all(isinstance(one, NotFound | pb.DeleteCommentResponse) for one in outcomes)
        assert (await house.state(house.ada, post_id)).comment_count == 1
    assert await house.tree(house.ada, post_id) == [stays]
