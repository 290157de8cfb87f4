"""Writing profiles, settings, blocks, mutes and muted words."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime

from nova.platform.clock import unix_ms
from nova.platform.db.database import Database
from nova.platform.db.tx import Tx
from nova.services.user.model import Block, Mute, MutedWord, Profile, Settings, UserId
from nova.services.user.store.rows import (
    BLOCK_COLUMNS,
    MUTE_COLUMNS,
    MUTED_WORD_COLUMNS,
    PROFILE_COLUMNS,
    SETTINGS_COLUMNS,
    block_of,
    mute_of,
    muted_word_of,
    profile_of,
    settings_of,
)

_INSERT_PROFILES = f"""
INSERT INTO profiles ({PROFILE_COLUMNS})
SELECT * FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::timestamptz[], $8::bigint[])
"""
_OPEN_PROFILES = f"{_INSERT_PROFILES} ON CONFLICT (user_id) DO NOTHING RETURNING user_id"
_ADD_PROFILES = f"""
{_INSERT_PROFILES}
ON CONFLICT (user_id) DO UPDATE
SET display_name = excluded.display_name, bio = excluded.bio, avatar_url = excluded.avatar_url,
    is_private = excluded.is_private, version = excluded.version
WHERE excluded.version > profiles.version
RETURNING user_id
"""
_LOCK_PROFILE = f"SELECT {PROFILE_COLUMNS} FROM profiles WHERE user_id = $1 FOR NO KEY UPDATE"
_REPLACE_PROFILE = """
UPDATE profiles SET display_name = $2, bio = $3, avatar_url = $4, is_private = $5, version = $6 WHERE user_id = $1
"""
_SETTINGS = f"SELECT {SETTINGS_COLUMNS} FROM settings WHERE user_id = $1"
_SAVE_SETTINGS = f"""
INSERT INTO settings (user_id, {SETTINGS_COLUMNS})
SELECT * FROM unnest($1::uuid[], $2::text[], $3::boolean[], $4::boolean[])
ON CONFLICT (user_id) DO UPDATE
SET language = excluded.language, personalised_feed = excluded.personalised_feed, suggestible = excluded.suggestible
"""
# The version of a pair is its clock: it takes the time, and never goes back.
_ADD_BLOCKS = f"""
INSERT INTO blocks (user_id, blocked_id, blocked_at, version)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::bigint[])
ON CONFLICT (user_id, blocked_id) DO UPDATE
SET blocked_at = excluded.blocked_at, lifted_at = NULL, version = greatest(blocks.version + 1, excluded.version)
WHERE blocks.lifted_at IS NOT NULL
RETURNING {BLOCK_COLUMNS}
"""
_LIFT_BLOCK = f"""
UPDATE blocks SET lifted_at = $3, version = greatest(version + 1, $4)
WHERE user_id = $1 AND blocked_id = $2 AND lifted_at IS NULL RETURNING {BLOCK_COLUMNS}
"""
_ADD_MUTES = f"""
INSERT INTO mutes (user_id, muted_id, muted_at, until, version)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::bigint[])
ON CONFLICT (user_id, muted_id) DO UPDATE
SET muted_at = excluded.muted_at, until = excluded.until, lifted_at = NULL,
    version = greatest(mutes.version + 1, excluded.version)
WHERE mutes.lifted_at IS NOT NULL OR mutes.until IS DISTINCT FROM excluded.until
RETURNING {MUTE_COLUMNS}
"""
_LIFT_MUTE = f"""
UPDATE mutes SET lifted_at = $3, version = greatest(version + 1, $4)
WHERE user_id = $1 AND muted_id = $2 AND lifted_at IS NULL RETURNING {MUTE_COLUMNS}
"""
_MUTE_WORD = f"""
INSERT INTO muted_words (user_id, {MUTED_WORD_COLUMNS}) VALUES ($1, $2, $3, $4)
ON CONFLICT (user_id, word) DO UPDATE SET until = excluded.until RETURNING {MUTED_WORD_COLUMNS}
"""
_UNMUTE_WORD = "DELETE FROM muted_words WHERE user_id = $1 AND word = $2"
_DROP_ENDED_WORDS = "DELETE FROM muted_words WHERE user_id = $1 AND until <= $2"
_COUNT_OTHER_WORDS = "SELECT count(*) FROM muted_words WHERE user_id = $1 AND word <> $2"


class UserTx(Tx):
    """The statements of user's transactions."""

    async def open_profiles(self, profiles: Sequence[Profile]) -> frozenset[UserId]:
        """Insert the profiles of new accounts in one statement; return those that were not there yet."""
        rows = await self.fetch(_OPEN_PROFILES, *_columns(profiles))
        return frozenset(UserId(row["user_id"]) for row in rows)

    async def add_profiles(self, profiles: Sequence[Profile]) -> frozenset[UserId]:
        """Insert whole profiles in one statement, over older versions of them; return those that were written."""
        rows = await self.fetch(_ADD_PROFILES, *_columns(profiles))
        return frozenset(UserId(row["user_id"]) for row in rows)

    async def lock_profile(self, user_id: UserId) -> Profile | None:
        """Return a profile as it is and keep others from changing it until the transaction ends."""
        row = await self.fetchrow(_LOCK_PROFILE, user_id)
        return None if row is None else profile_of(row)

    async def replace_profile(self, becomes: Profile) -> None:
        """Write a changed profile. It is locked."""
        await self.execute(
            _REPLACE_PROFILE, becomes.user_id, becomes.display_name, becomes.bio, becomes.avatar_url,
            becomes.is_private, becomes.version,
        )  # fmt: skip

    async def settings(self, user_id: UserId) -> Settings:
        """Return somebody's settings. His profile is locked, and they with it."""
        return settings_of(await self.fetchrow(_SETTINGS, user_id))

    async def save_settings(self, settings: Sequence[tuple[UserId, Settings]]) -> None:
        """Write settings of several people in one statement."""
        await self.execute(
            _SAVE_SETTINGS,
            [user_id for user_id, _ in settings],
            [chosen.language for _, chosen in settings],
            [chosen.personalised_feed for _, chosen in settings],
            [chosen.suggestible for _, chosen in settings],
        )

    async def add_blocks(self, blocks: Sequence[Block]) -> list[Block]:
        """Insert blocks of distinct pairs in one statement; return the new ones, with their true versions."""
        rows = await self.fetch(
            _ADD_BLOCKS,
            [block.user_id for block in blocks],
            [block.blocked_id for block in blocks],
            [block.blocked_at for block in blocks],
            [block.version for block in blocks],
        )
        return [block_of(row) for row in rows]

    async def lift_block(self, user_id: UserId, blocked_id: UserId, lifted_at: datetime) -> Block | None:
        """End a block; return it with its last version, or None when none stood."""
        row = await self.fetchrow(_LIFT_BLOCK, user_id, blocked_id, lifted_at, unix_ms(lifted_at))
        return None if row is None else block_of(row)

    async def add_mutes(self, mutes: Sequence[Mute]) -> list[Mute]:
        """Insert mutes of distinct pairs in one statement, or give them another end; return those that changed."""
        rows = await self.fetch(
            _ADD_MUTES,
            [mute.user_id for mute in mutes],
            [mute.muted_id for mute in mutes],
            [mute.muted_at for mute in mutes],
            [mute.until for mute in mutes],
            [mute.version for mute in mutes],
        )
        return [mute_of(row) for row in rows]

    async def lift_mute(self, user_id: UserId, muted_id: UserId, lifted_at: datetime) -> Mute | None:
        """End a mute; return it with its last version, or None when none stood."""
        row = await self.fetchrow(_LIFT_MUTE, user_id, muted_id, lifted_at, unix_ms(lifted_at))
        return None if row is None else mute_of(row)

    async def mute_word(self, user_id: UserId, muted: MutedWord) -> MutedWord:
        """Insert a muted word, or give it another end; return it as it is now."""
        row = await self.fetchrow(_MUTE_WORD, user_id, muted.word, muted.created_at, muted.until)
        return muted if row is None else muted_word_of(row)

    async def unmute_word(self, user_id: UserId, word: str) -> bool:
        """Return False when the word was not muted."""
        return await self.execute(_UNMUTE_WORD, user_id, word) == 1

    async def drop_ended_words(self, user_id: UserId, now: datetime) -> None:
        """Delete the words whose time is over."""
        await self.execute(_DROP_ENDED_WORDS, user_id, now)

    async def count_other_words(self, user_id: UserId, word: str) -> int:
        """Return how many words beside this one are kept."""
        count: int = await self.fetchval(_COUNT_OTHER_WORDS, user_id, word)
        return count


def _columns(profiles: Sequence[Profile]) -> tuple[list[object], ...]:
    return (
        [profile.user_id for profile in profiles],
        [profile.handle for profile in profiles],
        [profile.display_name for profile in profiles],
        [profile.bio for profile in profiles],
        [profile.avatar_url for profile in profiles],
        [profile.is_private for profile in profiles],
        [profile.created_at for profile in profiles],
        [profile.version for profile in profiles],
    )


class UserWriter:
    """Opens user's transactions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self) -> AbstractAsyncContextManager[UserTx]:
        """Open a transaction that commits at the end of its block."""
        return self._database.transaction(UserTx)
