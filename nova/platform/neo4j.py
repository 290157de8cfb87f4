"""Neo4j under the one standard for calls to the outside.

A statement is one transaction, and what changes from call to call is a parameter. The driver's own retries are not
used: how long, how often and whether at all is for `CallPolicy` to say.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, LiteralString, TypeAlias, TypeVar
from urllib.parse import unquote, urlsplit

from neo4j import READ_ACCESS, WRITE_ACCESS, AsyncDriver, AsyncGraphDatabase, AsyncSession, Query
from neo4j.exceptions import (
    ConstraintError,
    CypherSyntaxError,
    CypherTypeError,
    DriverError,
    Neo4jError,
)

from nova.platform.clock import Clock
from nova.platform.engine_knobs import Neo4jUrl
from nova.platform.errors import Timeout, Unavailable
from nova.platform.resilience import CallPolicy

T = TypeVar("T")
Rows: TypeAlias = list[list[Any]]

ASK_S: Final = 0.08
"""Whoever asks has 100 ms, and needs the rest for another way to an answer."""
RUN_S: Final = 10.0
AT_ONCE: Final = 16
"""More do not make it faster, and whoever asks has another way to an answer."""
_ROWS_A_PAGE: Final = 20_000
_CONNECT_S: Final = 2.0
_REFUSED: Final = "Neo.ClientError.Security."
_TIMED_OUT: Final = "Neo.ClientError.Transaction.TransactionTimedOut"
_OF_A_STATEMENT: Final = (CypherSyntaxError, CypherTypeError, ConstraintError)


class Neo4jRefuses(Unavailable):
    """Neo4j does not accept the user of NOVA_NEO4J_URL, or does not let him do this."""


class Neo4j:
    """Runs statements. It connects when it is first asked; `aclose` ends it.

    `ask_s` and `run_s` bound a question and a run, here and on the server. All raise `Unavailable` and `Timeout`.
    """

    def __init__(self, url: Neo4jUrl, *, clock: Clock, ask_s: float = ASK_S, run_s: float = RUN_S) -> None:
        self._url = url
        self._ask_s = ask_s
        self._run_s = run_s
        self._asks = CallPolicy("neo4j-asks", clock=clock, timeout_s=ask_s, max_concurrent=AT_ONCE)
        self._runs = CallPolicy("neo4j-runs", clock=clock, timeout_s=run_s, max_concurrent=AT_ONCE)
        self._opened: AsyncDriver | None = None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._opened is not None:
            driver, self._opened = self._opened, None
            await driver.close()

    async def ask(self, statement: LiteralString, parameters: Mapping[str, Any]) -> Rows:
        """Return the rows of a question that somebody waits for."""
        query = Query(statement, timeout=self._ask_s)
        return await self._asks.call(lambda: self._rows(query, parameters, READ_ACCESS))

    async def run(self, statement: LiteralString, parameters: Mapping[str, Any]) -> Rows:
        """Return the rows of a statement that may take a while and may run twice."""
        query = Query(statement, timeout=self._run_s)
        return await self._runs.call(lambda: self._rows(query, parameters, WRITE_ACCESS), idempotent=True)

    async def pages(self, statement: LiteralString, parameters: Mapping[str, Any]) -> AsyncIterator[Rows]:
        """Yield all rows of a question, however many there are, in pages: each within the time of a run."""
        with _translated():
            async with self._session(READ_ACCESS) as session:
                result = await self._step(lambda: session.run(statement, dict(parameters)))
                while records := await self._step(lambda: result.fetch(_ROWS_A_PAGE)):
                    yield [list(record.values()) for record in records]

    async def version(self) -> tuple[int, int]:
        """Return which Neo4j it is: (5, 26), or (2025, 6) by the newer way to count."""
        info = await self._step(lambda: self._driver().get_server_info())
        found = re.match(r"Neo4j/(\d+)\.(\d+)", info.agent)
        if found is None:
            raise Unavailable(f"{info.agent} does not say which version of Neo4j it is.")
        return int(found[1]), int(found[2])

    async def _step(self, step: Callable[[], Awaitable[T]]) -> T:
        """Do a part of something longer, that cannot be done twice."""

        async def translated() -> T:
            with _translated():
                return await step()

        return await self._runs.call(translated)

    async def _rows(self, query: Query, parameters: Mapping[str, Any], access: str) -> Rows:
        with _translated():
            async with self._session(access) as session:
                return await (await session.run(query, dict(parameters))).values()

    def _session(self, access: str) -> AsyncSession:
        database = urlsplit(self._url.reveal()).path.strip("/") or None
        return self._driver().session(default_access_mode=access, database=database)

    def _driver(self) -> AsyncDriver:
        if self._opened is None:
            address, user = _parts(self._url)
            self._opened = AsyncGraphDatabase.driver(
                address,
                auth=user,
                connection_timeout=_CONNECT_S,
                connection_acquisition_timeout=_CONNECT_S,
                notifications_min_severity="OFF",
                telemetry_disabled=True,
            )
        return self._opened


def _parts(url: Neo4jUrl) -> tuple[str, tuple[str, str] | None]:
    """Return the address without its user, and the user with his password: the driver takes them apart."""
    parts = urlsplit(url.reveal())
    address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if parts.username is None:
        return address, None
    return address, (unquote(parts.username), unquote(parts.password or ""))


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what befell the server, or a call to it, into our errors, whether or not the driver would try again.

    What it finds wrong with a statement or its parameters is a bug of ours, and stays.
    """
    try:
        yield
    except _OF_A_STATEMENT:
        raise
    except DriverError as error:
        raise Unavailable("Neo4j does not answer: try again.") from error
    except Neo4jError as error:
        code = error.code or ""
        if code.startswith(_REFUSED):
            raise Neo4jRefuses from error
        if code.startswith(_TIMED_OUT):
            raise Timeout("Neo4j took longer than the caller would wait.") from error
        raise Unavailable(f"Neo4j cannot do this now ({code}): try again.") from error
