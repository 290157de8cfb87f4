"""Rows to nouns."""

from nova.platform.db.pool import Record
from nova.services.user.model import Block, Listed, Mute, MutedWord, Profile, Settings, UserId

PROFILE_COLUMNS = "user_id, handle, display_name, bio, avatar_url, is_private, created_at, version"
SETTINGS_COLUMNS = "language, personalised_feed, suggestible"
BLOCK_COLUMNS = "user_id, blocked_id, blocked_at, version"
MUTE_COLUMNS = "user_id, muted_id, muted_at, until, version"
MUTED_WORD_COLUMNS = "word, created_at, until"


def profile_of(row: Record) -> Profile:
    """Return the profile of a row with `PROFILE_COLUMNS`."""
    return Profile(
        user_id=UserId(row["user_id"]),
        handle=row["handle"],
        display_name=row["display_name"],
        bio=row["bio"],
        avatar_url=row["avatar_url"],
        is_private=row["is_private"],
        created_at=row["created_at"],
        version=row["version"],
    )


def settings_of(row: Record | None) -> Settings:
    """Return the settings of a row with `SETTINGS_COLUMNS`; the defaults of a user without one."""
    if row is None:
        return Settings()
    return Settings(
        language=row["language"],
        personalised_feed=row["personalised_feed"],
        suggestible=row["suggestible"],
    )


def block_of(row: Record) -> Block:
    """Return the block of a row with `BLOCK_COLUMNS`."""
    return Block(
        user_id=UserId(row["user_id"]),
        blocked_id=UserId(row["blocked_id"]),
        blocked_at=row["blocked_at"],
        version=row["version"],
    )


def mute_of(row: Record) -> Mute:
    """Return the mute of a row with `MUTE_COLUMNS`."""
    return Mute(
        user_id=UserId(row["user_id"]),
        muted_id=UserId(row["muted_id"]),
        muted_at=row["muted_at"],
        until=row["until"],
        version=row["version"],
    )


def muted_word_of(row: Record) -> MutedWord:
    """Return the muted word of a row with `MUTED_WORD_COLUMNS`."""
    return MutedWord(word=row["word"], created_at=row["created_at"], until=row["until"])


def listed_of(row: Record) -> Listed:
    """Return the entry of a row with `listed_id` and `listed_at`."""
    return Listed(user_id=UserId(row["listed_id"]), listed_at=row["listed_at"])
