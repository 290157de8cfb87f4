"""What other commands ask of the Nova that runs: its projections live in its memory, and nobody else sees them.

One question and one answer a connection, a line of JSON each, over a Unix socket in the run-time folder, which is
closed to other users.
"""

import asyncio
import json
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Final, Protocol

from nova.app.compared import Compared
from nova.platform.errors import NotFound, NovaError, Unavailable

SOCKET: Final = "nova.sock"
_LONGEST_LINE: Final = 1 << 20
_QUESTION_S: Final = 5.0
# Large projections take their time to be made anew.
_ANSWER_S: Final = 600.0


class Compare(Protocol):
    """Verifies the projection of a name; with `again` it is filled again first."""

    def __call__(self, name: str, *, again: bool) -> Awaitable[Sequence[Compared]]:
        """Return a line a projection. Raises `NotFound` for a name that is none."""
        ...


class Control:
    """Answers on the socket `path`."""

    def __init__(self, path: Path, *, compare: Compare) -> None:
        self.path = path
        self._compare = compare
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_unix_server(self._serve, self.path, limit=_LONGEST_LINE)

    async def stop(self) -> None:
        """Listen no more. The socket goes with its folder."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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
            name, again = str(asked["verify"]), bool(asked["again"])
        except (ValueError, KeyError, TypeError):
            return {"unavailable": "The question cannot be read: it is of another version of Nova."}
        try:
            return {"compared": [asdict(line) for line in await self._compare(name, again=again)]}
        except NotFound as error:
            return {"not_found": str(error)}
        except NovaError as error:
            return {"unavailable": str(error)}


async def ask_to_compare(path: Path, name: str, *, again: bool) -> list[Compared]:
    """Have the Nova at the socket `path` verify a projection; `again` fills it again first.

    Raises `NotFound` and `Unavailable`.
    """
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_unix_connection(path, limit=_LONGEST_LINE)
            writer.write(json.dumps({"verify": name, "again": again}).encode() + b"\n")
            answer = json.loads(await reader.readline())
            writer.close()
    except (OSError, ValueError) as error:
        raise Unavailable(f"The running Nova does not answer at {path} ({error}): see its log.") from error
    if "not_found" in answer:
        raise NotFound(answer["not_found"])
    if "unavailable" in answer:
        raise Unavailable(answer["unavailable"])
    return [Compared(**line) for line in answer["compared"]]
