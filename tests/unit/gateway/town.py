"""A town of people who know each other: what the rooms of a test answer from, and what was asked of them."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from nova.api.content.v1 import content_pb2
from nova.api.social.v1 import social_pb2
from nova.api.user.v1 import user_pb2
from nova.platform.errors import (
    Unavailable,
)
from nova.platform.ids import uuid7
from nova.platform.rpc.validate import to_timestamp
from nova.policy.relations import Relation
from tests.tokens import Issuer

PASSWORD = "correct horse battery staple"
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


@dataclass
class Town:
    """Who lives there, what they wrote, and which calls were made. `down` names rooms that do not answer."""

    issuer: Issuer = field(default_factory=Issuer)
    profiles: dict[bytes, user_pb2.Profile] = field(default_factory=dict)
    relations: dict[tuple[bytes, bytes], Relation] = field(default_factory=dict)
    posts: dict[bytes, content_pb2.Post] = field(default_factory=dict)
    stories: dict[bytes, content_pb2.Story] = field(default_factory=dict)
    comments: dict[bytes, social_pb2.Comment] = field(default_factory=dict)
    likes: dict[bytes, set[bytes]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    keys: list[str | None] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    hidden_posts: set[bytes] = field(default_factory=set)
    card_changed: Callable[[bytes], object] = lambda _: None
    gate: asyncio.Event | None = None
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    def called(self, method: str) -> None:
        room = method.partition(".")[0]
        if room in self.down:
            raise Unavailable(f"{room} is down.")
        self.calls[method] += 1

    def person(self, handle: str, *, user_id: UUID | None = None) -> bytes:
        key = (user_id or uuid7()).bytes
        self.profiles[key] = user_pb2.Profile(
            user_id=key, handle=handle, display_name=handle.title(), created_at=to_timestamp(NOW), version=1
        )
        return key

    def post(self, author: bytes, caption: str = "Hello", *, media: int = 1) -> bytes:
        key = uuid7().bytes
        self.posts[key] = content_pb2.Post(
            post_id=key,
            author_id=author,
            caption=caption,
            content_type=content_pb2.CONTENT_TYPE_IMAGE,
            tags=["nova"],
            media=[
                content_pb2.MediaLink(
                    url=f"/media/{place}.webp", kind=content_pb2.MEDIA_KIND_IMAGE, width=640
                )
                for place in range(media)
            ],
            audience=content_pb2.AUDIENCE_EVERYONE,
            created_at=to_timestamp(NOW),
            page_token=key,
        )
        return key

    def comment(self, post: bytes, author: bytes, text: str = "Nice", *, parent: bytes = b"") -> bytes:
        key = uuid7().bytes
        self.comments[key] = social_pb2.Comment(
            comment_id=key, post_id=post, parent_id=parent, author_id=author, text=text,
            created_at=to_timestamp(NOW), page_token=key,
        )  # fmt: skip
        return key

    def story(self, author: bytes) -> bytes:
        key = uuid7().bytes
        self.stories[key] = content_pb2.Story(
            story_id=key, author_id=author, created_at=to_timestamp(NOW), expires_at=to_timestamp(NOW),
            media=content_pb2.MediaLink(url="/media/s.webp", kind=content_pb2.MEDIA_KIND_IMAGE),
        )  # fmt: skip
        return key

    def relation(self, viewer: bytes, subject: bytes) -> Relation:
        if viewer == subject:
            return Relation.SELF
        return self.relations.get((viewer, subject), Relation.NONE)

    def seen_posts(self, post_ids: list[bytes]) -> list[content_pb2.Post]:
        return [self.posts[key] for key in post_ids if key in self.posts and key not in self.hidden_posts]

    def token(self, user_id: bytes, **claims: object) -> str:
        return self.issuer.token(self.issuer.claims(UUID(bytes=user_id)))
