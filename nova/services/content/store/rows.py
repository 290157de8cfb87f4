"""Rows to nouns and back."""

import json
from typing import Any
from uuid import UUID

from nova.platform.db.pool import Record
from nova.policy.visibility import Audience
from nova.services.content.model import (
    ContentType,
    MediaKind,
    MediaLink,
    Post,
    PostEdit,
    PostId,
    Posting,
    Story,
    StoryId,
    UserId,
)

POST_COLUMNS = (
    "p.author_id, p.post_id, p.caption, p.content_type, p.tags, p.media, p.audience, p.created_at, p.edited_at, "
    "p.version"
)
STORY_COLUMNS = "story_id, author_id, media, caption, audience, created_at, expires_at"


def media_to_json(link: MediaLink) -> dict[str, Any]:
    """Return what the column keeps of a link; what is unset is left out."""
    kept = {
        "url": link.url,
        "kind": link.kind.value,
        "width": link.width,
        "height": link.height,
        "alt_text": link.alt_text,
    }
    return {name: value for name, value in kept.items() if value}


def media_of(kept: dict[str, Any]) -> MediaLink:
    """Return the link that the column kept."""
    return MediaLink(
        url=kept["url"],
        kind=MediaKind(kept["kind"]),
        width=kept.get("width", 0),
        height=kept.get("height", 0),
        alt_text=kept.get("alt_text", ""),
    )


def post_of(row: Record) -> Post:
    """Return the post of a row with `POST_COLUMNS`."""
    return Post(
        post_id=PostId(row["post_id"]),
        author_id=UserId(row["author_id"]),
        caption=row["caption"],
        content_type=ContentType(row["content_type"]),
        tags=tuple(row["tags"]),
        media=tuple(media_of(kept) for kept in json.loads(row["media"])),
        audience=Audience(row["audience"]),
        created_at=row["created_at"],
        edited_at=row["edited_at"],
        version=row["version"],
    )


def posting_of(row: Record) -> Posting:
    """Return what projections keep of a post."""
    return Posting(
        post_id=PostId(row["post_id"]),
        author_id=UserId(row["author_id"]),
        content_type=ContentType(row["content_type"]),
        audience=Audience(row["audience"]),
        tags=tuple(row["tags"]),
    )


def edit_of(row: Record) -> PostEdit:
    """Return one edit."""
    return PostEdit(
        edit_id=UUID(int=row["edit_id"].int),
        caption=row["caption"],
        tags=tuple(row["tags"]),
        replaced_at=row["replaced_at"],
    )


def story_of(row: Record) -> Story:
    """Return the story of a row with `STORY_COLUMNS`."""
    return Story(
        story_id=StoryId(row["story_id"]),
        author_id=UserId(row["author_id"]),
        media=media_of(json.loads(row["media"])),
        caption=row["caption"],
        audience=Audience(row["audience"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )
