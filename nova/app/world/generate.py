"""Makes a world. Equal arguments give an equal world, to the last id; nothing here reads a clock."""

from datetime import datetime

from nova.app.world.boundaries import make_blocks, make_mutes, without_blocked
from nova.app.world.comments import make_comments
from nova.app.world.follows import make_follows
from nova.app.world.language import cast
from nova.app.world.likes import make_likes
from nova.app.world.model import World, WorldSize, at_ms, from_ms
from nova.app.world.people import make_people
from nova.app.world.posts import make_posts
from nova.app.world.reactions import Audiences


def generate(size: WorldSize, seed: int, now: datetime) -> World:
    """Return the world of that size and seed as it stands at `now`, which must be aware."""
    now_ms = at_ms(now)
    crowd = make_people(size, seed, now_ms)
    blocks = make_blocks(crowd, seed, now_ms)
    follows = without_blocked(make_follows(crowd, seed, now_ms), blocks)
    main = frozenset(member.handle for member in cast())
    posts = make_posts(crowd, size, seed, now_ms, main)
    audiences = Audiences(crowd, follows, blocks, seed)
    quality = audiences.quality(posts)
    return World(
        size=size,
        seed=seed,
        made_at=from_ms(now_ms),
        people=crowd.people,
        follows=follows,
        posts=posts,
        likes=make_likes(audiences, posts, quality, seed, now_ms),
        comments=make_comments(audiences, posts, quality, seed, now_ms),
        blocks=blocks,
        mutes=make_mutes(crowd, seed, now_ms),
    )
