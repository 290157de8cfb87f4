"""A connection that comes back."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

import structlog

from nova.platform.backoff import Backoff
from nova.platform.errors import NovaError, Unavailable
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
        self._keep_up(self._rise(await self._dial()))

    async def begin(self) -> None:
        """Connect, or go on trying where nobody answers; raises what `dial` raises of a server that does."""
        try:
            await self.open()
        except Unavailable as error:
            _log.warning("redis_away", attempt=0, error=error.message)
            self._keep_up(None)

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

    def _keep_up(self, connection: Connection | None) -> None:
        self._keeper = asyncio.create_task(self._keep(connection), name="redis-keeper")

    def _rise(self, connection: Connection) -> Connection:
        self.connection = connection
        self._up(connection)
        return connection

    async def _keep(self, connection: Connection | None) -> NoReturn:
        attempt = 0
        while True:
            if connection is not None and await self._lasted(connection):
                attempt = 0
            connection, attempt = await self._redial(attempt)
            self._rise(connection)

    async def _lasted(self, connection: Connection) -> bool:
        """Wait until it is lost; return whether it was good for a while.

        A server that takes connections only to drop them is dialled no faster than one that takes none.
        """
        loop = asyncio.get_running_loop()
        opened_at = loop.time()
        # Shielded: the future belongs to the connection, and a cancelled keeper must not cancel it.
        await asyncio.shield(connection.lost)
        self.connection = None
        self._down()
        return loop.time() - opened_at >= _STEADY_S

    async def _redial(self, attempt: int) -> tuple[Connection, int]:
        while True:
            attempt += 1
            await asyncio.sleep(_BACKOFF.wait_s(attempt))
            try:
                return await self._dial(), attempt
            except NovaError as error:
                _log.warning("redis_away", attempt=attempt, error=error.message)
