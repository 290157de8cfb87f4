"""The DataLoaders of one request: people, posts, stories, comments, states, counts, and what hangs on each.

A room that does not answer costs its own part alone, where a part can be left out: counts are 0, lists empty, and
the answer names the room. Where nothing stands in for an answer, the error goes to the field that asked.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from nova.api.content.v1 import content_pb2
from nova.api.graph.v1 import graph_pb2
from nova.api.identity.v1 import identity_pb2
from nova.api.social.v1 import social_pb2
from nova.api.user.v1 import user_pb2
from nova.gateway.cards import Cards
from nova.gateway.loaders import Loader
from nova.platform.errors import Timeout, Unavailable
from nova.policy.relations import Relation
from nova.policy.visibility import Surface, person

if TYPE_CHECKING:
    from nova.gateway.context import RequestContext

LOST: Final = (Unavailable, Timeout)
"""The errors of a room that does not answer."""
HANDLES_MOST: Final = 50


K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Person:
    """A user and the viewer's relation to him; None when graph could not be asked."""

    profile: user_pb2.Profile
    relation: Relation | None

    def shown(self, *, vouched: bool) -> bool:
        """Return whether the viewer may meet this person.

        Without a relation nobody is shown, save whom a room has just let pass for this viewer (`vouched`): the
        author of a post that content returned.
        """
        if self.relation is None:
            return vouched
        return person(self.relation, Surface.CARD).shown


@dataclass(frozen=True, slots=True)
class ThreadKey:
    """The comments under a post, or under a comment (`replies`), from a page token on."""

    parent: bytes
    replies: bool
    size: int
    token: bytes = b""


class Readers:
    """One set a request. All keys are ids of 16 bytes."""

    def __init__(self, context: "RequestContext", cards: Cards) -> None:
        self._context = context
        self._rooms = context.rooms
        self._cards = cards
        waves = context.waves
        self.people: Loader[bytes, Person] = Loader(waves, self._people)
        self.handles: Loader[str, bytes] = Loader(waves, self._handles, most=HANDLES_MOST)
        self.posts: Loader[bytes, content_pb2.Post] = Loader(waves, self._posts)
        self.stories: Loader[bytes, content_pb2.Story] = Loader(waves, self._stories)
        self.comments: Loader[bytes, social_pb2.Comment] = Loader(waves, self._comments)
        self.states: Loader[bytes, social_pb2.PostState] = Loader(waves, self._states)
        self.follow_counts: Loader[bytes, graph_pb2.FollowCounts] = Loader(waves, self._follow_counts)
        self.post_counts: Loader[bytes, int] = Loader(waves, self._post_counts)
        self._account: asyncio.Future[identity_pb2.Account] | None = None
        self._stories_of: dict[int, Loader[bytes, Sequence[content_pb2.Story]]] = {}
        self._threads: dict[tuple[bool, int, bytes], Loader[bytes, social_pb2.CommentThread]] = {}

    async def load_or_without(self, room: str, loader: Loader[K, V], keys: Sequence[K]) -> Sequence[V | None]:
        """Return the values of keys; nothing, and the room is named, when it does not answer."""
        try:
            return await loader.load_many(keys)
        except LOST:
            self._context.degrade(room)
            return [None] * len(keys)

    def forget(self) -> None:
        """Forget everything that was read."""
        for loader in (
            self.people, self.handles, self.posts, self.stories, self.comments, self.states,
            self.follow_counts, self.post_counts,
        ):  # fmt: skip
            loader.forget()
        self._stories_of.clear()
        self._threads.clear()
        self._account = None

    async def account(self) -> identity_pb2.Account:
        """Return the viewer's account, asked for once."""
        if self._account is None:
            self._account = asyncio.ensure_future(self._get_account())
        return await asyncio.shield(self._account)

    def own_card(self, profile: user_pb2.Profile) -> None:
        """Take the viewer's card as he has just changed it: the caches may still hold the old one."""
        self._cards.forget(profile.user_id)
        self.people.put(profile.user_id, Person(profile, Relation.SELF))

    async def stories_of(self, author_id: bytes, newest: int) -> Sequence[content_pb2.Story]:
        """Return an author's newest live stories, oldest first; those of one number are asked for together."""
        loader = self._stories_of.get(newest)
        if loader is None:
            loader = self._stories_of[newest] = Loader(self._context.waves, self._stories_fetch(newest))
        return await loader.load(author_id) or ()

    async def thread(self, key: ThreadKey) -> social_pb2.CommentThread | None:
        """Return one page of comments; those of one size and place are asked for together."""
        kind = (key.replies, key.size, key.token)
        loader = self._threads.get(kind)
        if loader is None:
            loader = self._threads[kind] = Loader(self._context.waves, self._thread_fetch(*kind))
        return await loader.load(key.parent)

    async def _get_account(self) -> identity_pb2.Account:
        request = identity_pb2.GetAccountRequest()
        return (await self._context.ask(self._rooms.identity.GetAccount, request)).account

    async def _people(self, user_ids: Sequence[bytes]) -> dict[bytes, Person]:
        relations = await self._relations(user_ids)
        # Cards are cached for everyone: only those are taken from there whom this viewer may see.
        hidden = [
            user_id
            for user_id in user_ids
            if user_id in relations and not person(relations[user_id], Surface.CARD).shown
        ]
        wanted = [user_id for user_id in user_ids if user_id not in hidden]
        cards = await self._cards.get(wanted, self._profiles, hidden=hidden)
        return {user_id: Person(card, relations.get(user_id)) for user_id, card in cards.items()}

    async def _profiles(self, user_ids: Sequence[bytes]) -> dict[bytes, user_pb2.Profile]:
        request = user_pb2.GetProfilesRequest(user_ids=user_ids)
        answer = await self._context.call_or_without("user", self._rooms.user.GetProfiles, request)
        return {profile.user_id: profile for profile in answer.profiles} if answer else {}

    async def _handles(self, handles: Sequence[str]) -> dict[str, bytes]:
        request = user_pb2.LookupHandlesRequest(handles=handles)
        answer = await self._context.call(self._rooms.user.LookupHandles, request)
        return {profile.handle: profile.user_id for profile in answer.profiles}

    async def _relations(self, user_ids: Sequence[bytes]) -> dict[bytes, Relation]:
        viewer = self._context.viewer.user_id.bytes
        known = {viewer: Relation.SELF}
        others = [user_id for user_id in user_ids if user_id != viewer]
        if not others:
            return known
        request = graph_pb2.GetRelationsRequest(subject_ids=others)
        answer = await self._context.call_or_without("graph", self._rooms.graph.GetRelations, request)
        if answer is not None:
            known.update(zip(others, map(Relation, answer.relations), strict=True))
        return known

    async def _posts(self, post_ids: Sequence[bytes]) -> dict[bytes, content_pb2.Post]:
        request = content_pb2.GetPostsRequest(post_ids=post_ids)
        answer = await self._context.call(self._rooms.content.GetPosts, request)
        return {post.post_id: post for post in answer.posts}

    async def _stories(self, story_ids: Sequence[bytes]) -> dict[bytes, content_pb2.Story]:
        request = content_pb2.GetStoriesRequest(story_ids=story_ids)
        answer = await self._context.call(self._rooms.content.GetStories, request)
        return {story.story_id: story for story in answer.stories}

    def _stories_fetch(
        self, newest: int
    ) -> Callable[[Sequence[bytes]], Awaitable[Mapping[bytes, Sequence[content_pb2.Story]]]]:
        async def fetch(author_ids: Sequence[bytes]) -> Mapping[bytes, Sequence[content_pb2.Story]]:
            request = content_pb2.ListStoriesRequest(author_ids=author_ids, page_size=newest)
            answer = await self._context.call_or_without("content", self._rooms.content.ListStories, request)
            found: dict[bytes, list[content_pb2.Story]] = {}
            for story in answer.stories if answer else ():
                found.setdefault(story.author_id, []).append(story)
            return found

        return fetch

    async def _comments(self, comment_ids: Sequence[bytes]) -> dict[bytes, social_pb2.Comment]:
        request = social_pb2.GetCommentsRequest(comment_ids=comment_ids)
        answer = await self._context.call(self._rooms.social.GetComments, request)
        return {comment.comment_id: comment for comment in answer.comments}

    async def _states(self, post_ids: Sequence[bytes]) -> dict[bytes, social_pb2.PostState]:
        request = social_pb2.GetPostStatesRequest(post_ids=post_ids)
        answer = await self._context.call_or_without("social", self._rooms.social.GetPostStates, request)
        return {state.post_id: state for state in answer.states} if answer else {}

    async def _follow_counts(self, user_ids: Sequence[bytes]) -> Mapping[bytes, graph_pb2.FollowCounts]:
        request = graph_pb2.GetFollowCountsRequest(user_ids=user_ids)
        answer = await self._context.call_or_without("graph", self._rooms.graph.GetFollowCounts, request)
        return dict(zip(user_ids, answer.counts, strict=True)) if answer else {}

    async def _post_counts(self, author_ids: Sequence[bytes]) -> Mapping[bytes, int]:
        request = content_pb2.CountPostsRequest(author_ids=author_ids)
        answer = await self._context.call_or_without("content", self._rooms.content.CountPosts, request)
        return dict(zip(author_ids, answer.counts, strict=True)) if answer else {}

    def _thread_fetch(
        self, replies: bool, size: int, token: bytes
    ) -> Callable[[Sequence[bytes]], Awaitable[Mapping[bytes, social_pb2.CommentThread]]]:
        async def fetch(parents: Sequence[bytes]) -> Mapping[bytes, social_pb2.CommentThread]:
            request = social_pb2.ListCommentsRequest(page_size=size, page_token=token)
            (request.comment_ids if replies else request.post_ids).extend(parents)
            answer = await self._context.call_or_without("social", self._rooms.social.ListComments, request)
            return dict(zip(parents, answer.threads, strict=True)) if answer else {}

        return fetch
