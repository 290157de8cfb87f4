"""What other processes keep of this room, as this room sees it: things to be forgotten in time."""

from collections.abc import Awaitable, Iterable

from nova.api.user.v1.user_pb2 import ListMutedWordsResponse, Profile
from nova.platform.cache.two_layer import Cache
from nova.services.user.model import UserId


class CachedCards:
    """Implements `Cards` over the cache `nova.policy.caches.PROFILES`."""

    def __init__(self, cache: Cache[Profile]) -> None:
        self._cache = cache

    def forget(self, user_ids: Iterable[UserId]) -> None:
        """Have every process forget these profiles."""
        keys = [user_id.bytes for user_id in user_ids]
        if keys:
            self._cache.invalidate(*keys)


class CachedWords:
    """Implements `KeptWords` over the cache `nova.policy.caches.MUTED_WORDS`."""

    def __init__(self, cache: Cache[ListMutedWordsResponse]) -> None:
        self._cache = cache

    def forget(self, user_id: UserId) -> Awaitable[None]:
        """Have every process forget this user's words; done when they have been told, or Redis is away."""
        return self._cache.invalidate(user_id.bytes)
