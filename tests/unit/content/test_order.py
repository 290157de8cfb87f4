"""X3: edits made while the clock is set."""

from nova.api.content.v1 import content_pb2 as pb
from nova.api.content.v1.events_pb2 import PostUpdatedEvent
from tests.unit.content.conftest import ContentHouse

FIVE_MINUTES_S = 300


async def test_x3_order_by_sequence_never_by_clock(house: ContentHouse) -> None:
    captions = ["second", "third", "fourth", "fifth"]
    with house.neighbourhood.as_user(house.ada):
        created = await house.stub.CreatePost(
            pb.CreatePostRequest(caption="first", content_type=pb.CONTENT_TYPE_TEXT)
        )
        post_id = created.post.post_id
        for caption, step_s in zip(
            captions, [-FIVE_MINUTES_S, FIVE_MINUTES_S, -FIVE_MINUTES_S, 0], strict=True
        ):
            house.clock.step(step_s)
            await house.stub.EditPost(pb.EditPostRequest(post_id=post_id, caption=caption))
        (read,) = (await house.stub.GetPosts(pb.GetPostsRequest(post_ids=[post_id]))).posts
        edits = (await house.stub.ListPostEdits(pb.ListPostEditsRequest(post_id=post_id))).edits
    assert (read.caption, read.version) == ("fifth", 5)
    assert [edit.caption for edit in edits] == ["fourth", "third", "second", "first"]
    rows = await house.database.primary.fetch(
        "SELECT payload FROM outbox WHERE topic = 'content.post.updated' ORDER BY random()"
    )
    told = sorted((PostUpdatedEvent.FromString(row["payload"]) for row in rows), key=lambda one: one.version)
    assert [one.caption for one in told] == captions
