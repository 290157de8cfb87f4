"""What other commands ask of a process that runs: its projections live in its memory, and nobody else sees them.

One question and one answer a connection, a line of JSON each, over a Unix socket that is closed to other users.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

from nova.app.compared import Compared
from nova.app.held import Held
from nova.platform.errors import NotFound, NovaError, Unavailable

SOCKET: Final = "nova.sock"
_LONGEST_LINE: Final = 1 << 20
_QUESTION_S: Final = 5.0
# Large projections take their time to be made anew.
_ANSWER_S: Final = 600.0
_NAMES, _REFILL, _VERIFY = "names", "refill", "verify"


@asynccontextmanager
async def controlled(path: Path, held: Held) -> AsyncIterator[None]:
    """Answer for `held` on the socket `path` inside the block. Raises `Unavailable` where that cannot be."""
    control = _Control(held)
    try:
        server = await asyncio.start_unix_server(control.serve, path, limit=_LONGEST_LINE)
        await asyncio.to_thread(path.chmod, 0o600)
    except OSError as error:
        raise Unavailable(f"There can be no socket at {path} ({error.strerror or error}).") from error
    try:
        yield
    finally:
        server.close()
        await asyncio.to_thread(path.unlink, missing_ok=True)


class _Control:
    def __init__(self, held: Held) -> None:
        self._held = held
        self._asks = {_NAMES: self._names, _REFILL: self._refill, _VERIFY: self._verify}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Whoever leaves early needs no answer.
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(_QUESTION_S):
                question = await reader.readline()
            writer.write(json.dumps(await self._answer(question)).encode() + b"\n")
            await writer.drain()
        writer.close()

    async def _answer(self, question: bytes) -> dict[str, object]:
        try:
            asked = json.loads(question)
            ask, name = self._asks[asked["ask"]], str(asked["name"])
        except (ValueError, KeyError, TypeError):
            return {"unavailable": "The question cannot be read: it is of another version of Nova."}
        try:
            return {"answer": await ask(name)}
        except NotFound as error:
            return {"not_found": str(error)}
        except NovaError as error:
            return {"unavailable": str(error)}

    async def _names(self, _: str) -> object:
        return list(await self._held.names())

    async def _refill(self, name: str) -> object:
        return await self._held.refill(name)

    async def _verify(self, name: str) -> object:
        return [line.told() for line in await self._held.verify(name)]


class HeldAt:
    """What the process at a socket holds; `where` is asked each time. All raise `NotFound` and `Unavailable`."""

    def __init__(self, where: Callable[[], Path]) -> None:
        self._where = where

    async def names(self) -> Sequence[str]:
        """Return the names of all."""
        names: list[str] = await self._ask(_NAMES)
        return names

    async def refill(self, name: str) -> int:
        """Have it fill again what lies in an engine of its own."""
        count: int = await self._ask(_REFILL, name)
        return count

    async def verify(self, name: str) -> Sequence[Compared]:
        """Have it compare what it holds."""
        return [Compared(**line) for line in await self._ask(_VERIFY, name)]

    async def _ask(self, what: str, name: str = "") -> Any:  # noqa: ANN401 - what each question gets, as JSON
        path = self._where()
        try:
            async with asyncio.timeout(_ANSWER_S):
                reader, writer = await asyncio.open_unix_connection(path, limit=_LONGEST_LINE)
                writer.write(json.dumps({"ask": what, "name": name}).encode() + b"\n")
                answer = json.loads(await reader.readline())
                writer.close()
        except (OSError, ValueError) as error:
            raise Unavailable(
                f"The running Nova does not answer at {path} ({error}): see its log."
            ) from error
        if "not_found" in answer:
            raise NotFound(answer["not_found"])
        if "unavailable" in answer:
            raise Unavailable(answer["unavailable"])
        return answer["answer"]
