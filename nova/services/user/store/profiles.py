"""Reading profiles and settings. Reads of one loop turn are one query."""

from collections.abc import Collection

from nova.platform.db.coalesce import Coalesced
from nova.platform.db.database import Database
from nova.services.user.model import Profile, Settings, UserId
from nova.services.user.store.rows import PROFILE_COLUMNS, SETTINGS_COLUMNS, profile_of, settings_of

_BY_ID = f"SELECT {PROFILE_COLUMNS} FROM profiles WHERE user_id = any($1)"
_BY_HANDLE = f"SELECT {PROFILE_COLUMNS} FROM profiles WHERE handle = any($1)"
_SETTINGS = f"SELECT {SETTINGS_COLUMNS} FROM settings WHERE user_id = $1"


class ProfileStore:
    """Profiles as they lie in PostgreSQL, whoever asks: what a viewer may see is decided above."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._by_id: Coalesced[UserId, Profile] = Coalesced(self._load)
        self._by_handle: Coalesced[str, Profile] = Coalesced(self._load_by_handle)
        self._own: Coalesced[UserId, Profile] = Coalesced(self._load_newest)

    async def get(self, user_ids: Collection[UserId]) -> dict[UserId, Profile]:
        """Return the profiles that exist, by id, in the order asked."""
        return await self._by_id.get_many(user_ids)

    async def by_handle(self, handles: Collection[str]) -> dict[str, Profile]:
        """Return the profiles that exist, by handle, in the order asked."""
        return await self._by_handle.get_many(handles)

    async def newest(self, user_id: UserId) -> Profile | None:
        """Return a profile from the primary: its owner sees his own writes, and writes are decided on it."""
        return await self._own.get(user_id)

    async def settings(self, user_id: UserId) -> Settings:
        """Return somebody's settings, from the primary; the defaults where he chose nothing."""
        rows = await self._database.primary.fetch(_SETTINGS, user_id)
        return settings_of(rows[0] if rows else None)

    async def _load(self, user_ids: list[UserId]) -> dict[UserId, Profile]:
        found = map(profile_of, await self._database.fetch(_BY_ID, user_ids))
        return {profile.user_id: profile for profile in found}

    async def _load_newest(self, user_ids: list[UserId]) -> dict[UserId, Profile]:
        found = map(profile_of, await self._database.primary.fetch(_BY_ID, user_ids))
        return {profile.user_id: profile for profile in found}

    async def _load_by_handle(self, handles: list[str]) -> dict[str, Profile]:
        found = map(profile_of, await self._database.fetch(_BY_HANDLE, handles))
        return {profile.handle: profile for profile in found}
