"""A mutation sent twice under one key takes effect once, and both callers get the first answer.

That holds whatever became of the things it was about: a verb that looks before it writes may find on a repeat that
they are gone, or hidden by now. So a refusal that comes before the verb's first transaction stands only where the key
was not answered before.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from google.protobuf.message import Message

from nova.platform.db.claim import AlreadyAnswered, Claim, claiming
from nova.platform.db.database import Database
from nova.platform.db.tx import Tx
from nova.platform.errors import IdempotencyConflict, NovaError
from nova.platform.rpc.context import current_call

KEPT_FOR_H = 24
_NOBODY = UUID(int=0)

Answer = TypeVar("Answer", bound=Message)
Result = TypeVar("Result")


class Once:
    """Runs the mutations of one room's server, each once per idempotency key of the call."""

    def __init__(self, database: Database) -> None:
        self._database = database

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
            room=self._database.room,
            actor_id=_NOBODY if call.actor is None else call.actor.user_id,
            method=request.DESCRIPTOR.full_name,
            key=key,
            body=request.SerializeToString(deterministic=True),
            present=present,
        )
        with claiming(claim):
            try:
                return present(await self._run(verb, claim))
            except AlreadyAnswered as earlier:
                return answer.FromString(earlier.response)

    async def _run(self, verb: Callable[[], Awaitable[Result]], claim: Claim) -> Result:
        try:
            return await verb()
        except IdempotencyConflict:
            raise
        except NovaError:
            if claim.taken:
                raise
            # Taking the key waits for a call that is under way, and finds what was answered before.
            async with self._database.transaction(Tx):
                raise
