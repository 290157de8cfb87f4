"""Blocks and mutes: made, lifted, listed, and told to graph."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nova.platform.auth.actor import Actor
from nova.platform.clock import Clock
from nova.services.user import events
from nova.services.user.model import (
    Block,
    FollowTerms,
    Listed,
    Mute,
    MuteEnded,
    OneselfNamed,
    Profile,
    Restriction,
    UserId,
    UserNotFound,
    first_version,
)
from nova.services.user.service.profiles import Profiles
from nova.services.user.store.profiles import ProfileStore
from nova.services.user.store.restrictions import Place, RestrictionStore
from nova.services.user.store.tx import UserWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedProfile:
    """An entry of a list with the card that it shows."""

    profile: Profile
    listed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPage:
    """Entries that the caller may see; `next_after` begins the next page where there is one."""

    entries: Sequence[ListedProfile]
    next_after: Listed | None


class Restrictions:
    """The verbs of block and mute lists."""

    def __init__(
        self,
        *,
        writer: UserWriter,
        store: RestrictionStore,
        profile_store: ProfileStore,
        profiles: Profiles,
        clock: Clock,
    ) -> None:
        self._writer = writer
        self._store = store
        self._profile_store = profile_store
        self._profiles = profiles
        self._clock = clock

    async def block(self, actor: Actor, user_id: UserId) -> Profile:
        """Hide the caller and a user from each other. Blocking again changes nothing."""
        card = await self._visible(actor, user_id)
        now = self._clock.now()
        block = Block(
            user_id=UserId(actor.user_id), blocked_id=user_id, blocked_at=now, version=first_version(now)
        )
        async with self._writer.transaction() as tx:
            for made in await tx.add_blocks([block]):
                tx.emit(events.block_created(made))
            return tx.answer(card)

    async def unblock(self, actor: Actor, user_id: UserId) -> Profile | None:
        """Lift a block; return the card of the user where the caller may see it."""
        card = await self._card(actor, user_id)
        now = self._clock.now()
        async with self._writer.transaction() as tx:
            lifted = await tx.lift_block(UserId(actor.user_id), user_id, now)
            if lifted is not None:
                tx.emit(events.block_deleted(lifted, now))
            elif card is None:
                raise UserNotFound(field="user_id")
            return tx.answer(card)

    async def mute(self, actor: Actor, user_id: UserId, until: datetime | None) -> Profile:
        """Keep a user out of the caller's feeds, for good or until a moment. Muting again moves the end."""
        card = await self._visible(actor, user_id)
        now = self._clock.now()
        if until is not None and until <= now:
            raise MuteEnded(field="until")
        mute = Mute(
            user_id=UserId(actor.user_id), muted_id=user_id, muted_at=now, until=until, version=first_version(now)
        )  # fmt: skip
        async with self._writer.transaction() as tx:
            for made in await tx.add_mutes([mute]):
                tx.emit(events.mute_created(made))
            return tx.answer(card)

    async def unmute(self, actor: Actor, user_id: UserId) -> Profile | None:
        """Lift a mute; return the card of the user where the caller may see it."""
        card = await self._card(actor, user_id)
        now = self._clock.now()
        async with self._writer.transaction() as tx:
            lifted = await tx.lift_mute(UserId(actor.user_id), user_id, now)
            if lifted is not None:
                tx.emit(events.mute_deleted(lifted, now))
            elif card is None:
                raise UserNotFound(field="user_id")
            return tx.answer(card)

    async def blocked(self, actor: Actor, *, before: datetime, before_id: UUID, limit: int) -> ListedPage:
        """Return a page of whom the caller blocks, newest first."""
        actor.require("profile:read")
        listed = await self._store.blocked(
            UserId(actor.user_id), before=before, before_id=before_id, limit=limit + 1
        )
        return await self._page(actor, listed, limit)

    async def muted(self, actor: Actor, *, before: datetime, before_id: UUID, limit: int) -> ListedPage:
        """Return a page of whom the caller mutes now, newest first."""
        actor.require("profile:read")
        now = self._clock.now()
        listed = await self._store.muted(
            UserId(actor.user_id), before=before, before_id=before_id, limit=limit + 1, now=now
        )
        return await self._page(actor, listed, limit)

    async def follow_terms(self, actor: Actor, user_id: UserId) -> FollowTerms:
        """Return what decides whether the caller may follow a user: graph asks, and decides."""
        actor.require("profile:read")
        profile = await self._profile_store.newest(user_id)
        if profile is None:
            raise UserNotFound(field="user_id")
        blocks = await self._store.block_states(UserId(actor.user_id), user_id)
        return FollowTerms(profile=profile, blocks=blocks)

    async def all_after(self, place: Place, *, limit: int) -> list[Restriction]:
        """Return the next restrictions of all users after a place; fewer than `limit` at the end."""
        return await self._store.all_after(place, limit=limit)

    async def _visible(self, actor: Actor, user_id: UserId) -> Profile:
        card = await self._card(actor, user_id)
        if card is None:
            raise UserNotFound(field="user_id")
        return card

    async def _card(self, actor: Actor, user_id: UserId) -> Profile | None:
        actor.require("profile:write:own")
        if user_id == actor.user_id:
            raise OneselfNamed(field="user_id")
        found = await self._profiles.get(actor, [user_id])
        return found[0] if found else None

    async def _page(self, actor: Actor, listed: Sequence[Listed], limit: int) -> ListedPage:
        shown = listed[:limit]
        profiles = {
            profile.user_id: profile
            for profile in await self._profiles.get(actor, [entry.user_id for entry in shown])
        }
        return ListedPage(
            entries=[
                ListedProfile(profile=profiles[entry.user_id], listed_at=entry.listed_at)
                for entry in shown
                if entry.user_id in profiles
            ],
            next_after=shown[-1] if len(listed) > limit else None,
        )
