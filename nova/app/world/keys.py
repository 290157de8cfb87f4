"""The names of pictures. A key carries all that is needed to draw its picture, and a seal that only this world sets.

The seal is there because keys come back from outside: without it, anybody could have the platform draw and store as
many pictures as there are names.
"""

import hashlib
import re
from dataclasses import dataclass
from uuid import UUID

AVATAR_SIZE = (256, 256)
POST_SIZES = ((640, 800), (800, 640), (640, 640))

_AVATAR = re.compile(
    r"world/avatars/(?P<handle>[a-z0-9_]{3,30})-(?P<look>[0-9a-f]{3})-(?P<seal>[0-9a-f]{12})\.webp"
)
_POST = re.compile(
    r"world/posts/(?P<id>[0-9a-f]{32})-(?P<nth>[1-9])-(?P<interest>[a-z_]{3,30})-(?P<palette>[0-9a-f]{2})"
    r"-(?P<width>\d{3})x(?P<height>\d{3})-(?P<seal>[0-9a-f]{12})\.webp"
)


class UnknownPicture(ValueError):
    """No picture of this world has that key."""


@dataclass(frozen=True, slots=True)
class AvatarKey:
    """Whose portrait it is; `look` is three hex digits: kind, skin, hair."""

    handle: str
    look: int


@dataclass(frozen=True, slots=True)
class PostKey:
    """The `nth` picture (from 1) of a post: its scene is the interest, its colours the palette."""

    owner: UUID
    nth: int
    interest: str
    palette: int
    width: int
    height: int


def avatar_key(key: AvatarKey, seed: int) -> str:
    """The text of an avatar's key."""
    return _sealed(f"world/avatars/{key.handle}-{key.look:03x}", seed)


def post_key(key: PostKey, seed: int) -> str:
    """The text of a post picture's key."""
    scene = f"{key.nth}-{key.interest}-{key.palette:02x}-{key.width}x{key.height}"
    return _sealed(f"world/posts/{key.owner.hex}-{scene}", seed)


def parse_key(text: str, seed: int) -> AvatarKey | PostKey:
    """What `text` names; raises `UnknownPicture` unless the world of `seed` sealed it."""
    if found := _AVATAR.fullmatch(text):
        _check(text, found["seal"], seed)
        return AvatarKey(found["handle"], int(found["look"], 16))
    if found := _POST.fullmatch(text):
        _check(text, found["seal"], seed)
        owner, nth = UUID(hex=found["id"]), int(found["nth"])
        size = int(found["width"]), int(found["height"])
        return PostKey(owner, nth, found["interest"], int(found["palette"], 16), *size)
    raise UnknownPicture(text)


def key_digest(body: str, seed: int) -> bytes:
    """32 bytes that depend on the key's body and the world's seed, for the seal and for the drawing's own draws."""
    return hashlib.blake2b(body.encode(), digest_size=32, key=str(seed).encode()[:64]).digest()


def _sealed(body: str, seed: int) -> str:
    return f"{body}-{key_digest(body, seed)[:6].hex()}.webp"


def _check(text: str, seal: str, seed: int) -> None:
    if key_digest(text.rpartition("-")[0], seed)[:6].hex() != seal:
        raise UnknownPicture(text)
