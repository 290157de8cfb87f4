"""A mutation sent twice under one key takes effect once, and both callers get the first answer.

The key's row is claimed by the verb's own transaction before its effect and answered in the same COMMIT, so
that effect and record are one. A second call under the key waits on that row. A transaction that fails frees
the key.
"""

import hashlib
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, TypeVar
from uuid import UUID

from google.protobuf.message import Message

from nova.platform.db.failures import WriteConflict, translated
from nova.platform.db.pool import Connection
from nova.platform.errors import IdempotencyConflict
from nova.platform.rpc.context import current_call

KEPT_FOR_H = 24
_NOBODY = UUID(int=0)

_CLAIM = """
INSERT INTO idempotency_keys (actor_id, method, key, body_hash) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
RETURNING true
"""
_FIND = "SELECT body_hash, response FROM idempotency_keys WHERE actor_id = $1 AND method = $2 AND key = $3"
_ANSWER = "UPDATE idempotency_keys SET response = $4 WHERE actor_id = $1 AND method = $2 AND key = $3"

Answer = TypeVar("Answer", bound=Message)
Result = TypeVar("Result")


class _AlreadyAnswered(Exception):
    def __init__(self, response: bytes) -> None:
        super().__init__()
        self.response = response


class Claim:
    """One call's hold on its key. It goes with the first transaction of the call in its room."""

    def __init__(
        self,
        *,
        room: str,
        actor_id: UUID,
        method: str,
        key: str,
        body: bytes,
        present: Callable[[Any], Message],
    ) -> None:
        self.room = room
        self._who = (actor_id, method, key)
        self._body_hash = hashlib.sha256(body).digest()
        self._present = present
        self._response: bytes | None = None
        self.taken = False

    async def take(self, connection: Connection) -> None:
        """Claim the key, waiting for another holder to end. Raises `IdempotencyConflict` for another body."""
        with translated():
            if await connection.fetchval(_CLAIM, *self._who, self._body_hash):
                self.taken = True
                return
            first = await connection.fetchrow(_FIND, *self._who)
        if first is None:
            raise WriteConflict  # the row was cleaned away at this very moment
        if first["body_hash"] != self._body_hash:
            raise IdempotencyConflict
        raise _AlreadyAnswered(first["response"])

    def answer(self, result: object) -> None:
        """Remember the verb's result as the key's answer."""
        self._response = self._present(result).SerializeToString()

    async def record(self, connection: Connection) -> None:
        """Write the answer beside the effect."""
        if self._response is None:
            raise RuntimeError(
                f"{self._who[1]}: a verb that runs under a key ends with `return tx.answer(…)`."
            )
        with translated():
            await connection.execute(_ANSWER, *self._who, self._response)


_claim: ContextVar[Claim | None] = ContextVar("nova_idempotency_claim", default=None)


def pending_claim(room: str) -> Claim | None:
    """Return the claim that the next transaction of `room` has to take, if the current call carries one."""
    claim = _claim.get()
    return claim if claim is not None and claim.room == room and not claim.taken else None


class Once:
    """Runs the mutations of one room's server, each once per idempotency key of the call."""

    def __init__(self, room: str) -> None:
        self._room = room

    async def __call__(
        self,
        request: Message,
        answer: type[Answer],
        verb: Callable[[], Awaitable[Result]],
        *,
        present: Callable[[Result], Answer],
    ) -> Answer:
        """Return `present(await verb())`, or the first answer given to this request under the call's key.

        Without a key in the call the verb just runs. Raises `IdempotencyConflict` when the key came with
        another body before. Not for answers that carry a secret: they are kept for a day.
        """
        call = current_call()
        key = call.idempotency_key
        if key is None:
            return present(await verb())
        claim = Claim(
            room=self._room,
            actor_id=_NOBODY if call.actor is None else call.actor.user_id,
            method=request.DESCRIPTOR.full_name,
            key=key,
            body=request.SerializeToString(deterministic=True),
            present=present,
        )
        token = _claim.set(claim)
        try:
            return present(await verb())
        except _AlreadyAnswered as earlier:
            return answer.FromString(earlier.response)
        finally:
            _claim.reset(token)
