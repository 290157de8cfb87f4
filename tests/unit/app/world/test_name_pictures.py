"""Keys of pictures: they carry what is needed to draw, and nobody else can make one up."""

from collections.abc import Callable
from uuid import UUID

import pytest

from nova.app.world.keys import AvatarKey, PostKey, UnknownPicture, avatar_key, parse_key, post_key
from nova.app.world.model import World
from nova.platform.blobs import content_type_of
from tests.unit.app.world.conftest import SEED

POST = PostKey(UUID(int=5), 2, "night_markets", 77, 800, 640)


def test_every_key_of_a_world_can_be_read_and_stored(world: World) -> None:
    keys = [person.avatar_key for person in world.people]
    keys += [picture.key for post in world.posts for picture in post.media]
    for key in keys:
        assert parse_key(key, SEED)
        assert content_type_of(f"media/{key}") == "image/webp"
    assert parse_key(avatar_key(AvatarKey("ada", 0xA3F), SEED), SEED) == AvatarKey("ada", 0xA3F)
    assert parse_key(post_key(POST, SEED), SEED) == POST


@pytest.mark.parametrize(
    "change",
    [
        lambda key: key.replace("-4d-", "-4e-"),
        lambda key: key.replace("night_markets", "tea"),
        lambda key: key.replace("800x640", "640x800"),
        lambda key: key.replace("world/posts", "world/avatars"),
        lambda key: key.replace(".webp", ".png"),
        lambda key: key + ".webp",
        lambda key: key.replace("-2-", "-3-"),
        lambda key: key + "\n",
        lambda key: key[1:],
    ],
)
def test_a_key_that_was_changed_is_refused(change: Callable[[str], str]) -> None:
    key = post_key(POST, SEED)
    assert change(key) != key
    with pytest.raises(UnknownPicture):
        parse_key(change(key), SEED)


def test_a_key_of_another_world_is_refused() -> None:
    with pytest.raises(UnknownPicture):
        parse_key(post_key(POST, SEED), SEED + 1)
