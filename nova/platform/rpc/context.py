"""What travels with a call: who, until when, under which correlation id. Held in a context variable."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from nova.platform.auth.actor import Actor
from nova.platform.errors import Timeout, Unauthenticated


@dataclass(frozen=True, slots=True, kw_only=True)
class CallContext:
    """The context of one call. `deadline` is on the monotonic clock of this process, in seconds."""

    actor: Actor | None = None
    deadline: float | None = None
    correlation_id: str = ""
    idempotency_key: str | None = None


EMPTY = CallContext()
_current: ContextVar[CallContext] = ContextVar("nova_call", default=EMPTY)


def current_call() -> CallContext:
    """Return the context of the call that is being served (empty outside of one)."""
    return _current.get()


def current_actor() -> Actor:
    """Return the caller. Raises `Unauthenticated` where there is none."""
    actor = _current.get().actor
    if actor is None:
        raise Unauthenticated
    return actor


def remaining_s() -> float | None:
    """Return the seconds until the deadline, negative once it passed; None where there is no deadline."""
    deadline = _current.get().deadline
    return None if deadline is None else deadline - time.monotonic()


def sooner(call: CallContext, *, share: float) -> CallContext:
    """Return `call` with a deadline at that share of the time that is left; as it is, where it has none.

    Entered around work that may give a part of its answer: what it asks ends in time for that part to be given.
    """
    if call.deadline is None:
        return call
    now = time.monotonic()
    return replace(call, deadline=now + share * (call.deadline - now))


@asynccontextmanager
async def in_time() -> AsyncIterator[None]:
    """Raise `Timeout` where the block goes on beyond the deadline of the call: for what knows no deadlines itself."""
    try:
        async with asyncio.timeout(remaining_s()) as limit:
            yield
    except TimeoutError as error:
        if limit.expired():
            raise Timeout from error
        raise


def idempotency_key() -> str | None:
    """Return the key under which the caller may repeat this mutation, where one was sent."""
    return _current.get().idempotency_key


class entered:  # noqa: N801 - reads as a verb: `with entered(call):`
    """Make `call` the current context inside a `with` block."""

    __slots__ = ("_call", "_token")

    def __init__(self, call: CallContext) -> None:
        self._call = call

    def __enter__(self) -> CallContext:
        self._token = _current.set(self._call)
        return self._call

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)


@asynccontextmanager
async def within(limit_s: float) -> AsyncIterator[None]:
    """Give a block `limit_s` seconds at most, and tell the rooms that it asks; raises TimeoutError.

    Cut off from outside alone, a call would end without a word on whether the room that it asked was late.
    """
    call, until = current_call(), time.monotonic() + limit_s
    shortened = replace(call, deadline=until if call.deadline is None else min(call.deadline, until))
    async with asyncio.timeout(limit_s):
        with entered(shortened):
            yield
