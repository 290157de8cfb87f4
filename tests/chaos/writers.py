"""People who write without end, and a model of what was acknowledged to them.

Each act goes under an idempotency key and is sent again, with the same key and body, until it is answered. So the model
knows exactly what must be there in the end, whatever happened between.
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.e2e.nova import PASSWORD, Answer, Nova, Person
from tests.waiting import until

RETRIED = {"UNAVAILABLE", "TIMEOUT"}
ANSWERED_S = 90.0


@dataclass
class Writer:
    """One person, what he was told that he did, and the answers that he got."""

    nova: Nova
    person: Person
    moments: random.Random
    others: Sequence[Person] = ()
    posts: dict[str, str] = field(default_factory=dict)
    """Id by caption."""
    comments: dict[str, str] = field(default_factory=dict)
    """Id by text."""
    likes: dict[str, bool] = field(default_factory=dict)
    follows: dict[str, bool] = field(default_factory=dict)
    answers: list[tuple[str, dict[str, Any], Any]] = field(default_factory=list)
    repeats: int = 0
    _acts: int = 0

    async def act(self, targets: Sequence[str]) -> None:
        """Do one thing; `targets` are posts that can be liked and commented on."""
        self._acts += 1
        acts: list[Callable[[], Awaitable[None]]] = [self._publish]
        if targets:
            acts += [lambda: self._like(targets), lambda: self._comment(targets)]
        if self.others:
            acts.append(self._follow)
        await self.moments.choice(acts)()

    async def said(self, verb: str, fields: str, **arguments: Any) -> Any:
        """Run a mutation until it is answered; return its payload."""
        arguments["idempotencyKey"] = f"{self.person.handle}-{self._acts}"
        payload: Any = None

        async def answered() -> bool:
            nonlocal payload
            payload = await attempted(self.nova, self.person, verb, fields, arguments)
            self.repeats += payload is None
            return payload is not None

        await until(answered, within_s=ANSWERED_S)
        assert payload["userErrors"] == [], payload
        self.answers.append((verb, arguments, payload))
        return payload

    async def _publish(self) -> None:
        caption = f"{self.person.handle} says {self._acts}"
        payload = await self.said("createPost", "post { id }", caption=caption, contentType="TEXT")
        self.posts[caption] = payload["post"]["id"]

    async def _comment(self, targets: Sequence[str]) -> None:
        text = f"{self.person.handle} remarks {self._acts}"
        payload = await self.said(
            "addComment", "comment { id }", postId=self.moments.choice(targets), text=text
        )
        self.comments[text] = payload["comment"]["id"]

    async def _like(self, targets: Sequence[str]) -> None:
        post, liked = self.moments.choice(targets), self.moments.random() < 0.7
        await self.said("likePost" if liked else "unlikePost", "post { viewerHasLiked }", postId=post)
        self.likes[post] = liked

    async def _follow(self) -> None:
        other, follows = self.moments.choice(self.others), self.moments.random() < 0.7
        await self.said("followUser" if follows else "unfollowUser", "state", userId=other.id)
        self.follows[other.id] = follows


async def attempted(
    nova: Nova, person: Person, verb: str, fields: str, arguments: dict[str, Any]
) -> dict[str, Any] | None:
    """Send a mutation once; return its payload, or None when nobody knows what came of it."""
    kind = f"{verb[0].upper()}{verb[1:]}Input"
    document = (
        f"mutation($input: {kind}!) {{ {verb}(input: $input) {{ userErrors {{ code message }} {fields} }} }}"
    )
    try:
        response = await nova.post(document, {"input": arguments}, by=person)
        answer = Answer(response.json())
    except (httpx.TransportError, ValueError):
        return None
    if "errors" in answer:
        assert answer.code in RETRIED, answer["errors"]
        return None
    payload: dict[str, Any] = answer.data[verb]
    return payload


async def signed_up(nova: Nova, handle: str) -> bool:
    """Sign somebody up under a key, until it is answered; return whether that took more than one try."""
    arguments = {
        "handle": handle,
        "email": f"{handle}@example.org",
        "password": PASSWORD,
        "displayName": handle,
        "idempotencyKey": f"{handle}-arrives",
    }
    tries = 0
    document = "mutation($input: SignUpInput!) { signUp(input: $input) { tokens { accessToken } userErrors { code } } }"

    async def answered() -> bool:
        nonlocal tries
        tries += 1
        try:
            answer = Answer((await nova.post(document, {"input": arguments})).json())
        except (httpx.TransportError, ValueError):
            return False
        if "errors" in answer:
            assert answer.code in RETRIED, answer["errors"]
            return False
        assert answer.data["signUp"]["userErrors"] == [], answer
        return True

    await until(answered, within_s=ANSWERED_S)
    return tries > 1
