"""Every picture of a world can be drawn from its key, always the same, small, and of the promised size."""

import io
from uuid import UUID

import numpy as np
import pytest
from PIL import Image

from nova.app.world.keys import (
    AVATAR_SIZE,
    POST_SIZES,
    AvatarKey,
    PostKey,
    UnknownPicture,
    avatar_key,
    post_key,
)
from nova.app.world.language import interests
from nova.app.world.model import World
from nova.app.world.painting.colours import oklch
from nova.app.world.painting.draw import SCENES, draw
from tests.unit.app.world.conftest import SEED

MOST_BYTES = 40_000


def decoded(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "WEBP"
        return image.convert("RGB")


def scene(interest: str, number: int) -> str:
    owner, size = UUID(int=number * 7919 + 1), POST_SIZES[number % len(POST_SIZES)]
    return post_key(PostKey(owner, 1, interest, number * 37 % 256, *size), SEED)


def test_every_interest_has_a_scene() -> None:
    assert set(SCENES) == set(interests())


@pytest.mark.parametrize("interest", SCENES)
def test_a_scene_has_the_size_of_its_key_many_colours_and_few_bytes(interest: str) -> None:
    for number in range(6):
        picture = draw(scene(interest, number), SEED)
        image = decoded(picture.data)
        assert image.size == (picture.width, picture.height) == POST_SIZES[number % len(POST_SIZES)]
        assert picture.content_type == "image/webp"
        assert len(picture.data) <= MOST_BYTES
        assert int(np.ptp(np.asarray(image.convert("L")).astype(np.int64))) > 60


@pytest.mark.parametrize("kind", range(16))
def test_a_portrait_of_each_kind_is_drawn(kind: int) -> None:
    for number in range(4):
        key = avatar_key(AvatarKey(f"somebody_{number}", kind << 8 | number * 67 % 256), SEED)
        picture = draw(key, SEED)
        assert decoded(picture.data).size == AVATAR_SIZE == (picture.width, picture.height)
        assert len(picture.data) <= MOST_BYTES // 2


def test_the_same_key_gives_the_same_bytes_and_another_key_others() -> None:
    key = scene("hiking", 3)
    assert draw(key, SEED) == draw(key, SEED)
    assert len({draw(scene("hiking", number), SEED).data for number in range(6)}) == 6


def test_the_pictures_of_a_world_can_be_drawn(world: World) -> None:
    assert all(draw(person.avatar_key, SEED).data for person in world.people[::30])
    shown = [picture for post in world.posts[-60:] for picture in post.media][:12]
    for picture in shown:
        drawn = draw(picture.key, SEED)
        assert (drawn.width, drawn.height) == (picture.width, picture.height)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "world/avatars/ada.webp",
        "world/posts/../../etc.webp",
        post_key(PostKey(UUID(int=1), 1, "knitting", 0, 640, 640), SEED),
    ],
)
def test_what_no_world_has_is_not_drawn(key: str) -> None:
    with pytest.raises(UnknownPicture):
        draw(key, SEED)


def test_colours_that_no_screen_can_show_keep_their_lightness() -> None:
    assert oklch(1.0, 0.0, 0.0) == (255, 255, 255)
    assert oklch(0.0, 0.0, 0.0) == (0, 0, 0)
    red, green, blue = oklch(0.6, 0.9, 150.0)
    assert green > max(red, blue)
    assert 255 > green > 100
