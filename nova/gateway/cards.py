"""Profile cards by the cached path: this process, then Redis, then the user room.

A card is the same for everyone, so it is kept for everyone; whether a viewer may see it is decided before, from
his relation to the person (see `nova.gateway.readers`). The user room answers for its caller and leaves out whom he
may not see. That is no fact about the person, so what it leaves out is never remembered as absent, and who waited
for somebody else's load asks again for himself.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from nova.api.user.v1.user_pb2 import Profile
from nova.platform.cache.two_layer import Cache

_HIDDEN = b"hidden:"
"""Begins the keys of hidden people, under which no card is ever kept."""

Load = Callable[[Sequence[bytes]], Awaitable[Mapping[bytes, Profile]]]


class Cards:
    """The cards of users by their ids of 16 bytes."""

    def __init__(self, cache: Cache[Profile]) -> None:
        self._cache = cache

    def forget(self, user_id: bytes) -> None:
        """Drop a card from this process: its owner has just changed it and will read it again."""
        self._cache.forget([user_id])

    async def get(
        self, user_ids: Sequence[bytes], load: Load, *, hidden: Sequence[bytes] = ()
    ) -> dict[bytes, Profile]:
        """Return the cards that are there; `load` asks the user room, as the viewer, for those not cached.

        `hidden` are people whom the viewer may not meet. They go the way of people whom nobody knows, past what is
        cached for others, so that neither the number of calls nor their time tells that somebody is there.
        """
        asked: set[bytes] = set()

        async def load_missing(missing: list[bytes]) -> Mapping[bytes, Profile]:
            asked.update(missing)
            loaded = await load([key.removeprefix(_HIDDEN) for key in missing])
            self._cache.forget([key for key in missing if key not in loaded])
            return loaded

        found = await self._cache.get_many([*user_ids, *(_HIDDEN + one for one in hidden)], load_missing)
        cards = {user_id: card for user_id, card in found.items() if card is not None}
        again = [key for key in found if key not in cards and key not in asked]
        if again:
            cards |= await load([key.removeprefix(_HIDDEN) for key in again])
        return cards
