"""The nouns of content, and what can go wrong with them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, NewType
from uuid import UUID

from nova.platform.errors import FailedPrecondition, InvalidArgument, NotFound
from nova.policy.visibility import Audience

UserId = NewType("UserId", UUID)
PostId = NewType("PostId", UUID)
StoryId = NewType("StoryId", UUID)

STORY_LIFETIME: Final = timedelta(hours=24)
STORIES_MOST: Final = 100
"""Live stories that one person can have at a time."""


class ContentType(Enum):
    """What a post mainly is."""

    TEXT = 1
    IMAGE = 2
    VIDEO = 3
    CAROUSEL = 4


class MediaKind(Enum):
    """What a link points at."""

    IMAGE = 1
    VIDEO = 2
    AUDIO = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaLink:
    """A link to a picture, a video or a sound. Width and height in pixels, 0 where not known."""

    url: str
    kind: MediaKind = MediaKind.IMAGE
    width: int = 0
    height: int = 0
    alt_text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A post as it is now."""

    post_id: PostId
    author_id: UserId
    caption: str
    content_type: ContentType
    tags: tuple[str, ...]
    media: tuple[MediaLink, ...]
    audience: Audience
    created_at: datetime
    edited_at: datetime | None = None
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PostEdit:
    """What a post was until `replaced_at`."""

    edit_id: UUID
    caption: str
    tags: tuple[str, ...]
    replaced_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A story: one picture or video that expires."""

    story_id: StoryId
    author_id: UserId
    media: MediaLink
    caption: str
    audience: Audience
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """What a projection keeps of a post."""

    post_id: PostId
    author_id: UserId
    content_type: ContentType
    audience: Audience
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What of an author's content is open to a viewer: one audience; with `by_choice`, only where he was chosen."""

    author_id: UserId
    audience: Audience
    by_choice: bool


class PostNotFound(NotFound):
    """The post does not exist, or this viewer may not see it."""


class StoryNotFound(NotFound):
    """The story does not exist, has expired, or this viewer may not see it."""


class TooManyStories(FailedPrecondition):
    """You have 100 stories that have not expired: delete one, or wait until one expires."""


class EmptyPost(InvalidArgument):
    """A post needs a caption or media."""


class MediaMissing(InvalidArgument):
    """A post of pictures or videos needs at least one."""
