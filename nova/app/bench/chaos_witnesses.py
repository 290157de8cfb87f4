"""Who looks, while a part is broken, at what no reader or writer does: who signs in, an act that must wait, a start."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

from nova.app.accounts import desk_at
from nova.app.bench.chaos_load import Crowd
from nova.app.bench.town import login
from nova.app.bench.writers import LOST_ANSWERS, Mutation, Told, answered, tried
from nova.platform.auth.actor import RevocationUnknown
from nova.platform.auth.epochs import SENSITIVE_AGE_S
from nova.platform.errors import Unavailable

InFault = Callable[[], Awaitable[None]]
Witness = Callable[[Crowd], Awaitable[InFault]]
"""Prepares, while all is whole, what it returns: what is done in the fault. What is not right goes to the reader."""

_AGAIN_S: Final = 0.3
_TOKENS: Final = "tokens { accessToken }"


async def nobody(_people: Crowd) -> InFault:
    """Look at nothing."""

    async def in_fault() -> None:
        return

    return in_fault


async def arriving(people: Crowd) -> InFault:
    """Sign the reader in again and again, and read his feed under each token: none of them may be refused."""
    reader = people.reader

    async def in_fault() -> None:
        arrivals, told = 0, Told()
        try:
            while True:
                arrives = Mutation("signIn", _TOKENS, login(people.handle))
                payload = await tried(reader.asks, arrives, told=told)
                if payload is not None:
                    await _read(people, payload["tokens"]["accessToken"])
                    arrivals += 1
                await asyncio.sleep(_AGAIN_S)
        finally:
            reader.wrong += told.wrong
            if not arrivals:
                why = ", ".join(f"{many} times {code}" for code, many in told.refused.items())
                reader.wrong.append(f"nobody could sign in and read: {why or 'no answer came'}")

    return in_fault


async def _read(people: Crowd, token: str) -> None:
    try:
        answer = await people.reader.ask("FOLLOWING", token=token)
        people.reader.take(answer, "FOLLOWING")
    except LOST_ANSWERS:
        people.reader.wrong.append("a page under a new token is not answered")
    except Unavailable as error:
        people.reader.wrong.append(f"under a new token: {error.message}")


async def cautious(people: Crowd) -> InFault:
    """Have a moderator delete a stranger's post: once before, and again when nobody knows which sessions have ended."""
    below, asks, stranger = people.stage.below, people.stage.asks, people.bystander
    async with desk_at(below.sources.room_dsns["identity"], below.sources.redis_url) as desk:
        await desk.roles.add((await desk.account(people.handle)).user_id, "moderator")
    payload = await answered(asks, Mutation("signIn", _TOKENS, login(people.handle)), told=Told())
    token = payload["tokens"]["accessToken"]
    people.reader.renew(token)
    gone, kept = await stranger.publish(), await stranger.publish()

    def deletion(post: str) -> Mutation:
        return Mutation("deletePost", "deletedPostId", {"postId": post, "idempotencyKey": f"deletes-{post}"})

    await answered(asks, deletion(gone), token=token, told=Told())
    stranger.posts = {caption: post for caption, post in stranger.posts.items() if post != gone}

    async def in_fault() -> None:
        await asyncio.sleep(SENSITIVE_AGE_S + 1)
        told = Told()
        with _to_a_verdict(people, "a moderator"):
            done = await tried(asks, deletion(kept), token=token, told=told)
        people.reader.wrong += told.wrong
        if done is not None:
            people.reader.wrong.append(
                "a moderator deleted a post, and nobody knew whether his session stands"
            )
        elif told.reason != RevocationUnknown().reason:
            people.reader.wrong.append(
                f"a moderator is refused for another reason: {told.reason or 'no answer'}"
            )

    return in_fault


def serving(part: str, *, after_s: float) -> Witness:
    """Look whether a part that was killed serves again so long after, whatever else is missing."""

    async def witness(people: Crowd) -> InFault:
        async def in_fault() -> None:
            await asyncio.sleep(after_s)
            with _to_a_verdict(people, part):
                serves = await people.stage.supervisor.serves(part)
            if not serves:
                people.reader.wrong.append(f"{part} does not serve {after_s:g} s after it was killed")

        return in_fault

    return witness


@contextmanager
def _to_a_verdict(people: Crowd, who: str) -> Iterator[None]:
    """Note it as wrong where the fault ends before anything is known: nothing seen is not all well."""
    try:
        yield
    except asyncio.CancelledError:
        people.reader.wrong.append(f"{who}: the fault ended before it was known")
        raise
