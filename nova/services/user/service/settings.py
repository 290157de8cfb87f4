"""What users choose for themselves."""

from dataclasses import dataclass, replace

from nova.platform.auth.actor import Actor
from nova.platform.clock import Clock
from nova.policy import rules
from nova.services.user.model import ProfileNotReady, Settings, UserId
from nova.services.user.service.profiles import Profiles
from nova.services.user.store.profiles import ProfileStore
from nova.services.user.store.tx import UserWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a user wants otherwise; None stays as it is."""

    language: str | None = None
    personalised_feed: bool | None = None
    suggestible: bool | None = None


class OwnSettings:
    """The verbs of settings. Everyone has only his own."""

    def __init__(self, *, writer: UserWriter, store: ProfileStore, profiles: Profiles, clock: Clock) -> None:
        self._writer = writer
        self._store = store
        self._profiles = profiles
        self._clock = clock

    async def get(self, actor: Actor) -> Settings:
        """Return the caller's settings."""
        actor.require("profile:read")
        await self._profiles.own(actor)
        return await self._store.settings(UserId(actor.user_id))

    async def update(self, actor: Actor, choices: Choices) -> Settings:
        """Change the caller's settings. Who may be suggested is told to the others, with his profile."""
        actor.require("profile:write:own")
        language = None if choices.language is None else rules.language(choices.language)
        await self._profiles.own(actor)
        async with self._writer.transaction() as tx:
            profile = await tx.lock_profile(UserId(actor.user_id))
            if profile is None:
                raise ProfileNotReady
            was = await tx.settings(profile.user_id)
            becomes = replace(
                was,
                language=language or was.language,
                personalised_feed=_chosen(choices.personalised_feed, was.personalised_feed),
                suggestible=_chosen(choices.suggestible, was.suggestible),
            )
            if becomes != was:
                await tx.save_settings([(profile.user_id, becomes)])
            if becomes.suggestible != was.suggestible:
                await self._profiles.replace(tx, profile, profile, becomes, self._clock.now())
            return tx.answer(becomes)


def _chosen(choice: bool | None, was: bool) -> bool:
    return was if choice is None else choice
