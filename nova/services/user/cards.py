"""The copies of profiles that the gateway keeps, as this room sees them: things to be forgotten in time."""

from collections.abc import Iterable
from typing import Final

from nova.api.user.v1.user_pb2 import Profile
from nova.platform.cache.two_layer import Cache
from nova.services.user.model import UserId

CACHE: Final = "user.profile"
"""The name of the cache of cards: messages `nova.api.user.v1.Profile` by the 16 bytes of the user's id."""


class CachedCards:
    """Implements `Cards` over the cache of that name, in every process that has one."""

    def __init__(self, cache: Cache[Profile]) -> None:
        self._cache = cache

    def forget(self, user_ids: Iterable[UserId]) -> None:
        """Have every process forget these profiles."""
        keys = [user_id.bytes for user_id in user_ids]
        if keys:
            self._cache.invalidate(*keys)
