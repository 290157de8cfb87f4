"""A connection that comes back."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

import structlog

from nova.platform.backoff import Backoff
from nova.platform.errors import NovaError
from nova.platform.redis.connection import Connection

_log = structlog.get_logger(__name__)

_STEADY_S = 1.0
_BACKOFF = Backoff(first_s=0.05, longest_s=1.0)


class Kept:
    """Keeps one connection open: dials again with jitter, at most a second apart.

    `up(connection)` is called after each success, `down()` after each loss; `connection` is None in between.
    """

    def __init__(
        self,
        dial: Callable[[], Awaitable[Connection]],
        *,
        up: Callable[[Connection], None],
        down: Callable[[], None],
    ) -> None:
        self._dial = dial
        self._up = up
        self._down = down
        self._keeper: asyncio.Task[NoReturn] | None = None
        self.connection: Connection | None = None

    async def open(self) -> None:
        """Connect for the first time; raises what `dial` raises."""
        connection = self._rise(await self._dial())
        self._keeper = asyncio.create_task(self._keep(connection), name="redis-keeper")

    async def aclose(self) -> None:
        """Close, and dial no more."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
            self._keeper = None
        if self.connection is not None:
            connection, self.connection = self.connection, None
            connection.close()
            await connection.lost

    def _rise(self, connection: Connection) -> Connection:
        self.connection = connection
        self._up(connection)
        return connection

    async def _keep(self, connection: Connection) -> NoReturn:
        loop = asyncio.get_running_loop()
        attempt = 0
        while True:
            opened_at = loop.time()
            # Shielded: the future belongs to the connection, and a cancelled keeper must not cancel it.
            await asyncio.shield(connection.lost)
            self.connection = None
            self._down()
            # A server that takes connections only to drop them is dialled no faster than one that takes none.
            if loop.time() - opened_at >= _STEADY_S:
                attempt = 0
            connection, attempt = await self._redial(attempt)
            self._rise(connection)

    async def _redial(self, attempt: int) -> tuple[Connection, int]:
        while True:
            attempt += 1
            await asyncio.sleep(_BACKOFF.wait_s(attempt))
            try:
                return await self._dial(), attempt
            except NovaError as error:
                _log.warning("redis_away", attempt=attempt, error=error.message)
