"""From a generated world to the nouns of the rooms."""

from collections.abc import Sequence
from uuid import UUID

from nova.app.world.model import Block, Follow, Mute, Person, WorldComment, WorldLike, WorldPost
from nova.platform.clock import unix_ms
from nova.policy.visibility import Audience
from nova.services.content import model as content
from nova.services.graph import model as graph
from nova.services.identity import model as identity
from nova.services.social import model as social
from nova.services.user import model as user

MEDIA = "/media/"


def account(person: Person, password_hash: str) -> identity.NewAccount:
    """Return the account of a person."""
    return identity.NewAccount(
        user_id=identity.UserId(person.id),
        handle=person.handle,
        email=person.email,
        password_hash=password_hash,
        display_name=person.display_name,
        created_at=person.joined_at,
    )


def profile(person: Person) -> user.Profile:
    """Return the profile of a person."""
    return user.Profile(
        user_id=user.UserId(person.id),
        handle=person.handle,
        display_name=person.display_name,
        bio=person.bio,
        avatar_url=MEDIA + person.avatar_key,
        is_private=person.is_private,
        created_at=person.joined_at,
        # One above the version that the new account alone would have: this profile says more.
        version=unix_ms(person.joined_at) + 1,
    )


def block(entry: Block) -> user.Block:
    """Return a block."""
    return user.Block(
        user_id=user.UserId(entry.blocker_id),
        blocked_id=user.UserId(entry.blocked_id),
        blocked_at=entry.blocked_at,
        version=unix_ms(entry.blocked_at),
    )


def mute(entry: Mute) -> user.Mute:
    """Return a mute."""
    return user.Mute(
        user_id=user.UserId(entry.muter_id),
        muted_id=user.UserId(entry.muted_id),
        muted_at=entry.muted_at,
        version=unix_ms(entry.muted_at),
    )


def follow(entry: Follow) -> graph.Follow:
    """Return a follow."""
    return graph.Follow(
        follower_id=graph.UserId(entry.follower_id),
        followee_id=graph.UserId(entry.followee_id),
        since=entry.followed_at,
        version=unix_ms(entry.followed_at),
    )


def post(entry: WorldPost) -> content.Post:
    """Return a post."""
    return content.Post(
        post_id=content.PostId(entry.id),
        author_id=content.UserId(entry.author_id),
        caption=entry.caption,
        content_type=content.ContentType[entry.content_type.name],
        tags=tuple(entry.tags),
        media=tuple(
            content.MediaLink(
                url=MEDIA + picture.key, width=picture.width, height=picture.height, alt_text=picture.alt_text
            )
            for picture in entry.media
        ),
        audience=Audience[entry.audience.name],
        created_at=entry.created_at,
    )


def like(entry: WorldLike) -> social.Like:
    """Return a like."""
    return social.Like(
        user_id=social.UserId(entry.user_id), post_id=social.PostId(entry.post_id), liked_at=entry.liked_at
    )


def author(author_id: UUID) -> social.UserId:
    """Return the author of a post as social knows him."""
    return social.UserId(author_id)


def comments(entries: Sequence[WorldComment]) -> list[social.Comment]:
    """Return comments with their paths. A parent comes before its replies."""
    made: dict[UUID, social.Comment] = {}
    for entry in entries:
        comment_id, author_id = social.CommentId(entry.id), social.UserId(entry.author_id)
        parent = None if entry.parent_id is None else made[entry.parent_id]
        made[entry.id] = social.Comment(
            comment_id=comment_id,
            post_id=social.PostId(entry.post_id),
            parent_id=None if parent is None else parent.comment_id,
            author_id=author_id,
            path=(*(() if parent is None else parent.path), comment_id),
            authors=(*(() if parent is None else parent.authors), author_id),
            text=entry.text,
            created_at=entry.created_at,
        )
    return list(made.values())
