"""The caches that one room's changes empty and others read: who reads and who forgets take the same name from here."""

from typing import Final

PROFILES: Final = "user.profile"
"""Messages `nova.api.user.v1.Profile`, by the 16 bytes of the user's id."""
MUTED_WORDS: Final = "user.muted_words"
"""Messages `nova.api.user.v1.ListMutedWordsResponse` with all words of a user, by the 16 bytes of his id."""
