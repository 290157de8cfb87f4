"""gRPC in, a verb of content, gRPC out. No decisions."""

from collections.abc import Iterable, Sequence

from nova.api.content.v1 import content_pb2 as pb
from nova.api.content.v1.content_pb2_grpc import ContentServiceServicer
from nova.platform.db.idempotency import Once
from nova.platform.errors import InvalidArgument
from nova.platform.rpc.context import current_actor
from nova.platform.rpc.validate import enum_of, optional_uuid_of, page_size, to_timestamp, uuid_of, uuids_of
from nova.policy.rules import CHOSEN_MOST, MUTED_WORDS_MOST, muted_word
from nova.policy.visibility import Audience
from nova.services.content.model import (
    STORIES_MOST,
    ContentType,
    MediaKind,
    MediaLink,
    Post,
    PostEdit,
    PostId,
    StoryId,
    UserId,
)
from nova.services.content.service.posts import Changes, Draft, Posts
from nova.services.content.service.reading import Reading
from nova.services.content.service.stories import SeenStory, Stories
from nova.services.content.store.posts import NEWEST, OLDEST

SYSTEM_METHODS = frozenset({"ListPostings"})
MOST_IDS = 200
MOST_CHECKED = 1000
MOST_POSTINGS = 5000


class ContentServer(ContentServiceServicer):
    """Content's servicer."""

    def __init__(self, *, posts: Posts, reading: Reading, stories: Stories, once: Once) -> None:
        self._posts = posts
        self._reading = reading
        self._stories = stories
        self._once = once

    async def CreatePost(self, request: pb.CreatePostRequest, context: object) -> pb.CreatePostResponse:
        draft = Draft(
            caption=request.caption,
            content_type=ContentType(enum_of(request.content_type, pb.ContentType, "content_type")),
            tags=request.tags,
            media=[_link(link) for link in request.media],
            audience=_audience(request.audience),
            chosen=_chosen(request.audience_user_ids),
        )
        return await self._once(
            request,
            pb.CreatePostResponse,
            lambda: self._posts.create(current_actor(), draft),
            present=lambda post: pb.CreatePostResponse(post=_post(post)),
        )

    async def EditPost(self, request: pb.EditPostRequest, context: object) -> pb.EditPostResponse:
        post_id = PostId(uuid_of(request.post_id, "post_id"))
        changes = Changes(
            caption=request.caption if request.HasField("caption") else None,
            tags=request.tags.tags if request.HasField("tags") else None,
            audience=_audience(request.audience) if request.HasField("audience") else None,
            chosen=_chosen(request.audience_user_ids),
        )
        return await self._once(
            request,
            pb.EditPostResponse,
            lambda: self._posts.edit(current_actor(), post_id, changes),
            present=lambda post: pb.EditPostResponse(post=_post(post)),
        )

    async def DeletePost(self, request: pb.DeletePostRequest, context: object) -> pb.DeletePostResponse:
        post_id = PostId(uuid_of(request.post_id, "post_id"))
        return await self._once(
            request,
            pb.DeletePostResponse,
            lambda: self._posts.delete(current_actor(), post_id),
            present=lambda _: pb.DeletePostResponse(),
        )

    async def GetPosts(self, request: pb.GetPostsRequest, context: object) -> pb.GetPostsResponse:
        posts = await self._reading.get(current_actor(), _post_ids(request.post_ids, most=MOST_IDS))
        return pb.GetPostsResponse(posts=map(_post, posts))

    async def CheckPosts(self, request: pb.CheckPostsRequest, context: object) -> pb.CheckPostsResponse:
        post_ids = _post_ids(request.post_ids, most=MOST_CHECKED)
        posts = (
            await self._reading.to_delete(current_actor(), post_ids, past_sight="social:delete:any")
            if request.for_deletion
            else await self._reading.get(current_actor(), post_ids)
        )
        return pb.CheckPostsResponse(
            posts=[
                pb.CheckedPost(post_id=post.post_id.bytes, author_id=post.author_id.bytes) for post in posts
            ]
        )

    async def FindWords(self, request: pb.FindWordsRequest, context: object) -> pb.FindWordsResponse:
        if not 0 < len(request.words) <= MUTED_WORDS_MOST:
            raise InvalidArgument(f"words may hold 1 to {MUTED_WORDS_MOST} words.", field="words")
        words = [muted_word(word, field="words") for word in request.words]
        post_ids = _post_ids(request.post_ids, most=MOST_CHECKED)
        found = await self._reading.with_words(current_actor(), post_ids, words)
        return pb.FindWordsResponse(post_ids=[post_id.bytes for post_id in found])

    async def ListPostsByAuthor(
        self, request: pb.ListPostsByAuthorRequest, context: object
    ) -> pb.ListPostsByAuthorResponse:
        posts, more = await self._reading.by_author(
            current_actor(),
            UserId(uuid_of(request.author_id, "author_id")),
            before=optional_uuid_of(request.page_token, "page_token") or NEWEST,
            limit=page_size(request.page_size, most=100, default=20),
        )
        return pb.ListPostsByAuthorResponse(
            posts=map(_post, posts), next_page_token=posts[-1].post_id.bytes if more else b""
        )

    async def CountPosts(self, request: pb.CountPostsRequest, context: object) -> pb.CountPostsResponse:
        counts = await self._reading.count(current_actor(), _user_ids(request.author_ids, "author_ids"))
        return pb.CountPostsResponse(counts=counts)

    async def ListPostEdits(
        self, request: pb.ListPostEditsRequest, context: object
    ) -> pb.ListPostEditsResponse:
        edits, more = await self._reading.edits(
            current_actor(),
            PostId(uuid_of(request.post_id, "post_id")),
            before=optional_uuid_of(request.page_token, "page_token") or NEWEST,
            limit=page_size(request.page_size, most=100, default=20),
        )
        return pb.ListPostEditsResponse(
            edits=map(_edit, edits), next_page_token=edits[-1].edit_id.bytes if more else b""
        )

    async def CreateStory(self, request: pb.CreateStoryRequest, context: object) -> pb.CreateStoryResponse:
        if not request.HasField("media"):
            raise InvalidArgument("A story needs a picture or a video.", field="media")
        media, audience, chosen = (
            _link(request.media),
            _audience(request.audience),
            _chosen(request.audience_user_ids),
        )
        return await self._once(
            request,
            pb.CreateStoryResponse,
            lambda: self._stories.create(
                current_actor(), media=media, caption=request.caption, audience=audience, chosen=chosen
            ),
            present=lambda seen: pb.CreateStoryResponse(story=_story(seen)),
        )

    async def DeleteStory(self, request: pb.DeleteStoryRequest, context: object) -> pb.DeleteStoryResponse:
        story_id = StoryId(uuid_of(request.story_id, "story_id"))
        return await self._once(
            request,
            pb.DeleteStoryResponse,
            lambda: self._stories.delete(current_actor(), story_id),
            present=lambda _: pb.DeleteStoryResponse(),
        )

    async def ViewStory(self, request: pb.ViewStoryRequest, context: object) -> pb.ViewStoryResponse:
        story_id = StoryId(uuid_of(request.story_id, "story_id"))
        return await self._once(
            request,
            pb.ViewStoryResponse,
            lambda: self._stories.view(current_actor(), story_id),
            present=lambda seen: pb.ViewStoryResponse(story=_story(seen)),
        )

    async def ListStories(self, request: pb.ListStoriesRequest, context: object) -> pb.ListStoriesResponse:
        stories = await self._stories.by_authors(
            current_actor(),
            _user_ids(request.author_ids, "author_ids"),
            newest=page_size(request.page_size, most=STORIES_MOST, default=STORIES_MOST),
        )
        return pb.ListStoriesResponse(stories=map(_story, stories))

    async def GetStories(self, request: pb.GetStoriesRequest, context: object) -> pb.GetStoriesResponse:
        story_ids = [StoryId(value) for value in uuids_of(request.story_ids, "story_ids", most=MOST_IDS)]
        return pb.GetStoriesResponse(stories=map(_story, await self._stories.get(current_actor(), story_ids)))

    async def ListPostings(self, request: pb.ListPostingsRequest, context: object) -> pb.ListPostingsResponse:
        postings, more = await self._reading.postings(
            after=optional_uuid_of(request.page_token, "page_token") or OLDEST,
            limit=page_size(request.page_size, most=MOST_POSTINGS, default=1000),
        )
        return pb.ListPostingsResponse(
            postings=[
                pb.Posting(
                    post_id=posting.post_id.bytes,
                    author_id=posting.author_id.bytes,
                    content_type=pb.ContentType.ValueType(posting.content_type.value),
                    audience=pb.Audience.ValueType(posting.audience.value),
                    tags=posting.tags,
                )
                for posting in postings
            ],
            next_page_token=postings[-1].post_id.bytes if more else b"",
        )


def _post_ids(values: Sequence[bytes], *, most: int) -> list[PostId]:
    return [PostId(value) for value in uuids_of(values, "post_ids", most=most)]


def _user_ids(values: Sequence[bytes], field: str) -> list[UserId]:
    return [UserId(value) for value in uuids_of(values, field, most=MOST_IDS)]


def _chosen(values: Sequence[bytes]) -> list[UserId]:
    return [UserId(value) for value in uuids_of(values, "audience_user_ids", most=CHOSEN_MOST)]


def _audience(value: int) -> Audience:
    """Unset means everyone: a client that knows no audiences publishes as it always did."""
    return Audience(enum_of(value or pb.AUDIENCE_EVERYONE, pb.Audience, "audience"))


def _link(link: pb.MediaLink) -> MediaLink:
    return MediaLink(
        url=link.url,
        kind=MediaKind(enum_of(link.kind or pb.MEDIA_KIND_IMAGE, pb.MediaKind, "kind")),
        width=link.width,
        height=link.height,
        alt_text=link.alt_text,
    )


def _presented_link(link: MediaLink) -> pb.MediaLink:
    return pb.MediaLink(
        url=link.url,
        kind=pb.MediaKind.ValueType(link.kind.value),
        width=link.width,
        height=link.height,
        alt_text=link.alt_text,
    )


def _presented_links(links: Iterable[MediaLink]) -> list[pb.MediaLink]:
    return [_presented_link(link) for link in links]


def _post(post: Post) -> pb.Post:
    return pb.Post(
        post_id=post.post_id.bytes,
        author_id=post.author_id.bytes,
        caption=post.caption,
        content_type=pb.ContentType.ValueType(post.content_type.value),
        tags=post.tags,
        media=_presented_links(post.media),
        audience=pb.Audience.ValueType(post.audience.value),
        created_at=to_timestamp(post.created_at),
        edited_at=None if post.edited_at is None else to_timestamp(post.edited_at),
        version=post.version,
        page_token=post.post_id.bytes,
    )


def _edit(edit: PostEdit) -> pb.PostEdit:
    return pb.PostEdit(
        caption=edit.caption,
        tags=edit.tags,
        replaced_at=to_timestamp(edit.replaced_at),
        page_token=edit.edit_id.bytes,
    )


def _story(seen: SeenStory) -> pb.Story:
    story = seen.story
    return pb.Story(
        story_id=story.story_id.bytes,
        author_id=story.author_id.bytes,
        media=_presented_link(story.media),
        caption=story.caption,
        created_at=to_timestamp(story.created_at),
        expires_at=to_timestamp(story.expires_at),
        viewer_has_seen=seen.seen,
    )
