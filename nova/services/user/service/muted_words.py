"""Muted words: what its owner does not want to read of, for good or until a moment."""

from collections.abc import Awaitable
from datetime import datetime
from typing import Protocol

from nova.platform.auth.actor import Actor
from nova.platform.clock import Clock
from nova.policy import rules
from nova.services.user.model import MutedWord, MuteEnded, ProfileNotReady, TooManyMutedWords, UserId
from nova.services.user.service.profiles import Profiles
from nova.services.user.store.muted_words import MutedWordStore
from nova.services.user.store.tx import UserWriter


class KeptWords(Protocol):
    """The copies of muted words that are kept elsewhere."""

    def forget(self, user_id: UserId) -> Awaitable[None]:
        """Have every process forget this user's words. Done once they were told, which happens after the commit."""
        ...


class OwnMutedWords:
    """The verbs of muted words. Everyone has only his own, and nobody else is told of them."""

    def __init__(
        self,
        *,
        writer: UserWriter,
        store: MutedWordStore,
        profiles: Profiles,
        kept: KeptWords,
        clock: Clock,
    ) -> None:
        self._writer = writer
        self._store = store
        self._profiles = profiles
        self._kept = kept
        self._clock = clock

    async def mute(self, actor: Actor, word: str, until: datetime | None) -> MutedWord:
        """Keep posts with a word out of the caller's feeds. Muting it again moves the end."""
        actor.require("profile:write:own")
        word = rules.muted_word(word)
        now = self._clock.now()
        if until is not None and until <= now:
            raise MuteEnded(field="until")
        await self._profiles.own(actor)
        user_id = UserId(actor.user_id)
        async with self._writer.transaction() as tx:
            # Held, so that two words at once cannot both be the last one that fits.
            if await tx.lock_profile(user_id) is None:
                raise ProfileNotReady
            await tx.drop_ended_words(user_id, now)
            if await tx.count_other_words(user_id, word) >= rules.MUTED_WORDS_MOST:
                raise TooManyMutedWords(field="word")
            muted = await tx.mute_word(user_id, MutedWord(word=word, created_at=now, until=until))
            tx.after_commit(lambda: self._kept.forget(user_id))
            return tx.answer(muted)

    async def unmute(self, actor: Actor, word: str) -> str:
        """Let posts with a word in again; return it as it was kept. One that was not muted changes nothing."""
        actor.require("profile:write:own")
        word = rules.muted_word(word)
        user_id = UserId(actor.user_id)
        async with self._writer.transaction() as tx:
            if await tx.unmute_word(user_id, word):
                tx.after_commit(lambda: self._kept.forget(user_id))
            return tx.answer(word)

    async def list(
        self, actor: Actor, *, before: datetime, before_word: str, limit: int
    ) -> tuple[list[MutedWord], bool]:
        """Return a page of the words that the caller mutes now, newest first, and whether there are more."""
        actor.require("profile:read")
        words = await self._store.list(
            UserId(actor.user_id),
            before=before,
            before_word=before_word,
            now=self._clock.now(),
            limit=limit + 1,
        )
        return words[:limit], len(words) > limit
