"""One call's hold on its idempotency key: a row of `idempotency_keys`, written with the effect or not at all.

The row is claimed by the verb's own transaction before its effect and answered in the same COMMIT, so that
effect and record are one. A second call under the key waits on that row. A transaction that fails frees
the key.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from google.protobuf.message import Message

from nova.platform.db.failures import WriteConflict, translated
from nova.platform.db.pool import Connection
from nova.platform.errors import IdempotencyConflict

_CLAIM = """
INSERT INTO idempotency_keys (actor_id, method, key, body_hash) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
RETURNING true
"""
_FIND = "SELECT body_hash, response FROM idempotency_keys WHERE actor_id = $1 AND method = $2 AND key = $3"
_ANSWER = "UPDATE idempotency_keys SET response = $4 WHERE actor_id = $1 AND method = $2 AND key = $3"


class AlreadyAnswered(Exception):
    """The key has been answered before, to the same body."""

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
        """Claim the key, waiting for another holder to end.

        Raises `AlreadyAnswered`, or `IdempotencyConflict` for another body.
        """
        with translated():
            if await connection.fetchval(_CLAIM, *self._who, self._body_hash):
                self.taken = True
                return
            first = await connection.fetchrow(_FIND, *self._who)
        if first is None:
            raise WriteConflict  # the row was cleaned away at this very moment
        if first["body_hash"] != self._body_hash:
            raise IdempotencyConflict
        raise AlreadyAnswered(first["response"])

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


@contextmanager
def claiming(claim: Claim) -> Iterator[None]:
    """Let the first transaction of the claim's room inside the block take it."""
    token = _claim.set(claim)
    try:
        yield
    finally:
        _claim.reset(token)
