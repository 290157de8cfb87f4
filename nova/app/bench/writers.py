"""People who write without end, and a model of what was acknowledged to them.

Each act goes under an idempotency key and is sent again, with the same key and body, until it is answered. So the model
knows exactly what must be there in the end, whatever happened between.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Protocol

from nova.app.bench.town import Person
from nova.platform.errors import Timeout

RETRIED: Final = frozenset({"UNAVAILABLE", "TIMEOUT"})
"""The codes with which a write may be refused while a part is missing: it is sent again."""

LOST_ANSWERS: Final = (OSError, EOFError, TimeoutError, ValueError)
"""What a client meets that gets no whole answer."""

ANSWERED_S: Final = 90.0
_AGAIN_S: Final = 0.05
_MOSTLY: Final = 0.7


class Exchanges(Protocol):
    """Sends documents, and returns whole answers."""

    async def exchange(
        self, document: str, variables: Mapping[str, object] | None = None, *, token: str = ""
    ) -> Mapping[str, Any]:
        """Return the whole answer. Raises one of `LOST_ANSWERS`."""
        ...


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody was told that he did."""

    verb: str
    arguments: Mapping[str, object]
    payload: Mapping[str, Any]


@dataclass(slots=True)
class Told:
    """What writers were told besides: how often they were refused by which code, or not answered at all.

    `wrong` holds every answer that is neither a success nor a refusal after which one tries again. `again_s`: how long
    the last refusal said to wait; `reason`: why it said it was one.
    """

    refused: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0
    wrong: list[str] = field(default_factory=list)
    again_s: float = 0.0
    reason: str = ""

    @property
    def repeats(self) -> int:
        """How often something was sent again."""
        return self.refused.total() + self.unanswered + len(self.wrong)


@dataclass(slots=True)
class Writer:
    """One person, what he was told that he did, and what else. `others` are ids of people whom he may follow."""

    asks: Exchanges
    name: str
    person: Person
    moments: Random
    others: Sequence[str] = ()
    told: Told = field(default_factory=Told)
    posts: dict[str, str] = field(default_factory=dict)
    """Id by caption."""
    likes: dict[str, bool] = field(default_factory=dict)
    """Whether each post is liked, by id."""
    follows: dict[str, bool] = field(default_factory=dict)
    """Whether each of the others is followed, by id."""
    acts: list[Act] = field(default_factory=list)
    _number: int = 0

    async def act(self, targets: Sequence[str]) -> None:
        """Do one thing; `targets` are posts that can be liked and commented on."""
        acts: list[Callable[[], Awaitable[object]]] = [
            self.publish,
            lambda: self.like(self.moments.choice(targets), liked=self.moments.random() < _MOSTLY),
            lambda: self.comment(self.moments.choice(targets)),
        ]
        if self.others:
            acts.append(self._follow)
        await self.moments.choice(acts)()

    async def publish(self) -> str:
        """Publish a post, and return its id."""
        self._number += 1
        caption = f"{self.name} says {self._number}"
        payload = await self._said("createPost", "post { id }", caption=caption, contentType="TEXT")
        post_id: str = payload["post"]["id"]
        self.posts[caption] = post_id
        return post_id

    async def comment(self, post: str) -> None:
        """Comment on a post."""
        self._number += 1
        await self._said(
            "addComment", "comment { id }", postId=post, text=f"{self.name} remarks {self._number}"
        )

    async def like(self, post: str, *, liked: bool = True) -> None:
        """Like a post, or take that back."""
        self._number += 1
        await self._said("likePost" if liked else "unlikePost", "post { viewerHasLiked }", postId=post)
        self.likes[post] = liked

    async def _follow(self) -> None:
        self._number += 1
        other, follows = self.moments.choice(self.others), self.moments.random() < _MOSTLY
        await self._said("followUser" if follows else "unfollowUser", "state", userId=other)
        self.follows[other] = follows

    async def _said(self, verb: str, fields: str, **arguments: object) -> Mapping[str, Any]:
        """Run a mutation until it is answered; return its payload. Raises `Timeout`."""
        key = f"{self.name}-{self._number}"
        mutation = Mutation(verb, fields, {**arguments, "idempotencyKey": key})
        payload = await answered(self.asks, mutation, token=self.person.token, told=self.told)
        self.acts.append(Act(verb, mutation.arguments, payload))
        return payload


@dataclass(frozen=True, slots=True)
class Mutation:
    """What is sent: the fields are those of its payload."""

    verb: str
    fields: str
    arguments: Mapping[str, object]

    @property
    def document(self) -> str:
        """In GraphQL."""
        kind = f"{self.verb[0].upper()}{self.verb[1:]}Input"
        asked = f"userErrors {{ code message }} {self.fields}"
        return f"mutation($input: {kind}!) {{ {self.verb}(input: $input) {{ {asked} }} }}"


async def answered(asks: Exchanges, mutation: Mutation, *, token: str = "", told: Told) -> Mapping[str, Any]:
    """Send a mutation, which has an idempotency key, until it is answered. Raises `Timeout`."""
    until = time.monotonic() + ANSWERED_S
    while (payload := await tried(asks, mutation, token=token, told=told)) is None:
        if time.monotonic() > until:
            last = told.wrong[-1:] or dict(told.refused)
            raise Timeout(f"{mutation.verb} is not answered after {ANSWERED_S:g} s: {last}.")
        await asyncio.sleep(max(told.again_s, _AGAIN_S))
    return payload


async def tried(
    asks: Exchanges, mutation: Mutation, *, token: str = "", told: Told
) -> Mapping[str, Any] | None:
    """Send a mutation once; return its payload, or None when nobody knows what came of it: `told` says why."""
    verb, told.again_s = mutation.verb, 0.0
    try:
        answer = await asks.exchange(mutation.document, {"input": mutation.arguments}, token=token)
    except LOST_ANSWERS:
        told.unanswered += 1
        return None
    if "errors" in answer:
        extensions = answer["errors"][0].get("extensions", {})
        code = str(extensions.get("code"))
        if code in RETRIED:
            told.refused[code] += 1
            told.again_s = extensions.get("retryAfter", 0.0)
            told.reason = str(extensions.get("reason", code))
        else:
            told.wrong.append(f"{verb}: {answer['errors']}")
        return None
    payload: Mapping[str, Any] = answer["data"][verb]
    if payload["userErrors"]:
        told.wrong.append(f"{verb}: {payload['userErrors']}")
        return None
    return payload
