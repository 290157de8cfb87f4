"""Profiles: looked at by others, changed by their owners, made when an account was opened."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from nova.platform.auth.actor import Actor
from nova.platform.clock import Clock
from nova.platform.errors import InvalidArgument
from nova.platform.events import Received
from nova.policy import rules
from nova.policy.relations import Relation
from nova.policy.visibility import Surface, person
from nova.services.user import events
from nova.services.user.arrivals import Arrivals
from nova.services.user.model import Profile, ProfileNotReady, Settings, UserId, next_version
from nova.services.user.store.profiles import ProfileStore
from nova.services.user.store.restrictions import RestrictionStore
from nova.services.user.store.tx import UserTx, UserWriter


class Cards(Protocol):
    """The copies of profiles that are kept elsewhere."""

    def forget(self, user_ids: Iterable[UserId]) -> None:
        """Have every process forget these profiles. Called once the change is committed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What an owner wants otherwise; None stays as it is."""

    display_name: str | None = None
    bio: str | None = None
    avatar_url: str | None = None
    is_private: bool | None = None


class Profiles:
    """The verbs of profiles."""

    def __init__(
        self,
        *,
        writer: UserWriter,
        store: ProfileStore,
        restrictions: RestrictionStore,
        arrivals: Arrivals,
        cards: Cards,
        clock: Clock,
    ) -> None:
        self._writer = writer
        self._store = store
        self._restrictions = restrictions
        self._arrivals = arrivals
        self._cards = cards
        self._clock = clock

    async def get(self, actor: Actor, user_ids: Sequence[UserId]) -> list[Profile]:
        """Return the profiles whose cards the caller may see, in the order asked."""
        actor.require("profile:read")
        viewer_id = UserId(actor.user_id)
        found = await self._store.get([user_id for user_id in user_ids if user_id != viewer_id])
        if viewer_id in user_ids:
            own = await self._newest(viewer_id)
            if own is not None:
                found[viewer_id] = own
        visible = await self._in_view(viewer_id, found)
        return [visible[user_id] for user_id in user_ids if user_id in visible]

    async def by_handle(self, actor: Actor, handles: Sequence[str]) -> list[Profile]:
        """Return the profiles with these handles whose cards the caller may see, in the order asked."""
        actor.require("profile:read")
        wanted = [kept for handle in handles if (kept := _possible_handle(handle)) is not None]
        found = await self._store.by_handle(wanted)
        visible = await self._in_view(
            UserId(actor.user_id), {profile.user_id: profile for profile in found.values()}
        )
        return [found[handle] for handle in wanted if handle in found and found[handle].user_id in visible]

    async def own(self, actor: Actor) -> Profile:
        """Return the caller's own profile; one that is being made is waited for."""
        profile = await self._newest(UserId(actor.user_id))
        if profile is None:
            raise ProfileNotReady
        return profile

    async def update(self, actor: Actor, changes: Changes) -> Profile:
        """Change the caller's own profile. Changing nothing tells nobody."""
        actor.require("profile:write:own")
        checked = _checked(changes)
        await self.own(actor)
        now = self._clock.now()
        async with self._writer.transaction() as tx:
            was = await tx.lock_profile(UserId(actor.user_id))
            if was is None:
                raise ProfileNotReady
            becomes = replace(was, **checked)
            if becomes != was:
                becomes = await self.replace(tx, was, becomes, await tx.settings(was.user_id), now)
            return tx.answer(becomes)

    async def replace(
        self, tx: UserTx, was: Profile, becomes: Profile, settings: Settings, at: datetime
    ) -> Profile:
        """Write and tell the next version of a profile that `tx` has locked, and return it."""
        becomes = replace(becomes, version=next_version(was.version, at))
        await tx.replace_profile(becomes)
        tx.emit(events.profile_updated(becomes, suggestible=settings.suggestible, updated_at=at))
        tx.after_commit(lambda: self._cards.forget([becomes.user_id]))
        return becomes

    async def open(self, tx: UserTx, opened: Sequence[tuple[Profile, Received[Any]]]) -> None:
        """Make the profiles of new accounts, each with the event that tells of it. Twice is as once."""
        made = await tx.open_profiles([profile for profile, _ in opened])
        for profile, cause in opened:
            if profile.user_id in made:
                event = events.profile_updated(profile, suggestible=True, updated_at=profile.created_at)
                tx.emit(event, cause=cause)
        tx.after_commit(lambda: self._cards.forget(made))
        tx.after_commit(lambda: self._arrivals.arrived(made))

    async def _newest(self, user_id: UserId) -> Profile | None:
        return await self._store.newest(user_id) or await self._arrivals.wait(user_id)

    async def _in_view(self, viewer_id: UserId, found: Mapping[UserId, Profile]) -> dict[UserId, Profile]:
        others = [user_id for user_id in found if user_id != viewer_id]
        relations = await self._restrictions.between(viewer_id, others)
        relations[viewer_id] = Relation.SELF
        return {
            user_id: profile
            for user_id, profile in found.items()
            if person(relations[user_id], Surface.CARD).shown
        }


def _checked(changes: Changes) -> dict[str, Any]:
    """Return what is to be changed, with the rules of input held."""
    checked: dict[str, Any] = {}
    if changes.display_name is not None:
        checked["display_name"] = rules.display_name(changes.display_name)
    if changes.bio is not None:
        checked["bio"] = rules.bio(changes.bio)
    if changes.avatar_url is not None:
        url = changes.avatar_url
        checked["avatar_url"] = rules.media_url(url, field="avatar_url") if url else ""
    if changes.is_private is not None:
        checked["is_private"] = changes.is_private
    return checked


def _possible_handle(handle: str) -> str | None:
    """Return a handle as it is kept, or None for a text that nobody's handle can be."""
    try:
        return rules.handle(handle)
    except InvalidArgument:
        return None
