"""Any picture of the world, drawn from its key alone, so that none need be kept before it is asked for."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nova.app.world.keys import AVATAR_SIZE, AvatarKey, PostKey, UnknownPicture, key_digest, parse_key
from nova.app.world.painting import animals, crafts, outdoors, play, table, town
from nova.app.world.painting.avatars import avatar
from nova.app.world.painting.canvas import Canvas
from nova.app.world.painting.colours import palette_of

CONTENT_TYPE = "image/webp"

SCENES: Mapping[str, Callable[[Canvas], None]] = MappingProxyType(
    {
        painter.__name__: painter
        for painter in (
            animals.cats, animals.dogs,
            crafts.ceramics, crafts.gardens, crafts.sketching, crafts.woodworking,
            outdoors.astronomy, outdoors.birds, outdoors.climbing, outdoors.cycling, outdoors.hiking, outdoors.surfing,
            play.chess, play.indie_music, play.running, play.swimming,
            table.baking, table.coffee, table.ramen, table.tea,
            town.architecture, town.film, town.night_markets, town.street_photography,
        )
    }
)  # fmt: skip
"""The painter of each interest's scene."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished picture; `width` and `height` are in pixels."""

    data: bytes
    content_type: str
    width: int
    height: int


def draw(key: str, seed: int) -> Picture:
    """Return the picture of that key in the world of `seed`; raises `UnknownPicture` where there is none."""
    parsed = parse_key(key, seed)
    digest = key_digest(f"strokes:{key}", seed)
    rng = random.Random(digest)  # noqa: S311 - strokes of a picture, nothing is kept secret
    match parsed:
        case AvatarKey(look=look):
            canvas = Canvas(*AVATAR_SIZE, palette_of(digest[0], digest[1]), rng)
            avatar(canvas, look)
            return Picture(canvas.webp(), CONTENT_TYPE, *AVATAR_SIZE)
        case PostKey(interest=interest, palette=palette, width=width, height=height):
            if interest not in SCENES:
                raise UnknownPicture(key)
            canvas = Canvas(width, height, palette_of(palette, digest[1]), rng)
            SCENES[interest](canvas)
            return Picture(canvas.webp(), CONTENT_TYPE, width, height)
