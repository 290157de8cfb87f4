"""Wakes whoever waits for news: in this process at once, in others by NOTIFY.

NOTIFY takes a lock of the whole cluster that is held until the transaction is on disk, so inside a write it
would make all rooms commit one by one. It is sent after the commit instead, many in one statement, with an
asynchronous commit. A ring may be lost (a crash in between, a dead connection): everyone who waits also
polls.
"""

import asyncio
import time
from collections import defaultdict
from contextlib import suppress
from typing import Self

import asyncpg

from nova.platform.backoff import Backoff
from nova.platform.db import link
from nova.platform.db.failures import DRIVER_ERRORS

_CHANNEL = "nova"
_CONNECT_S = 5.0
_SEND = """
SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, message) FROM unnest($2::text[]) AS
message
"""


class Bell:
    """Named bells of one database. Without a DSN it rings in this process only.

    `dsn` must lead to PostgreSQL itself: LISTEN does not pass PgBouncer in transaction mode. `announce` says
    whether rings are sent to other processes too; hearing theirs costs nothing and is always on. `outages` spaces
    the tries to connect again.
    """

    def __init__(
        self, dsn: str | None = None, *, announce: bool = True, outages: Backoff | None = None
    ) -> None:
        self._dsn = dsn
        self._outages = outages or Backoff()
        self._announce = announce and dsn is not None
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._unsent: dict[str, None] = {}
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to listen, in the background."""
        if self._dsn is not None:
            self._task = asyncio.create_task(self._run(self._dsn), name="bell")

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def ring(self, name: str) -> None:
        """Wake all who wait for `name`. Never blocks, never fails."""
        self._wake(name)
        if self._announce:
            self._unsent[name] = None
            self._news.set()

    def listen(self, *names: str) -> "Ear":
        """Return an ear for these names. What rings from now on is not missed."""
        return Ear(self, names)

    def _wake(self, name: str) -> None:
        for event in self._waiting[name]:
            event.set()

    async def _run(self, dsn: str) -> None:
        losses = 0
        while True:
            began = time.monotonic()
            with suppress(*DRIVER_ERRORS):
                await self._connected(dsn)
            # One that did not last is a failure too: a server that drops its clients must not be beset by them.
            losses = losses + 1 if time.monotonic() - began < self._outages.longest_s else 1
            await asyncio.sleep(self._outages.wait_s(losses))

    async def _connected(self, dsn: str) -> None:
        """Listen and send until the connection is lost."""
        connection = await link.connect(
            dsn,
            timeout=_CONNECT_S,
            command_timeout=_CONNECT_S,
            server_settings={"application_name": "nova-bell"} | link.KEEPALIVE_SETTINGS,
        )
        try:
            await self._serve(connection)
        finally:
            connection.terminate()

    async def _serve(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        connection.add_termination_listener(lambda _: self._news.set())
        await connection.add_listener(_CHANNEL, lambda *args: self._wake(str(args[3])))
        for name in list(self._waiting):
            self._wake(name)  # whatever rang while nobody listened
        while not connection.is_closed():
            await self._news.wait()
            self._news.clear()
            names, self._unsent = list(self._unsent), {}
            if names:
                await connection.execute(_SEND, _CHANNEL, names)


class Ear:
    """Waits for some bells. Close it (or use it in a `with` block) when done."""

    def __init__(self, bell: Bell, names: tuple[str, ...]) -> None:
        self._bell = bell
        self._names = names
        self._event = asyncio.Event()
        for name in names:
            bell._waiting[name].add(self._event)  # noqa: SLF001 - the two are one mechanism

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop hearing."""
        for name in self._names:
            self._bell._waiting[name].discard(self._event)  # noqa: SLF001

    def forget(self) -> None:
        """Forget what rang so far: called right before looking for news, so that none is missed."""
        self._event.clear()

    async def wait(self, timeout_s: float) -> None:
        """Return when one of the bells has rung since `forget`, or after `timeout_s` seconds."""
        if self._event.is_set():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
