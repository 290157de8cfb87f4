"""The command line as a person meets it: a process, what it says, and how it ends."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from nova.app.instance import Instance, running

COMMAND = (sys.executable, "-m", "nova.app")
# A new person's password, which `nova token` takes when it is given none.
PASSWORD = "nova-world"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        """What it printed, a value of JSON a line."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Commands:
    """Runs `nova` on one data folder."""

    data: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        outer = {name: value for name, value in os.environ.items() if not name.startswith("NOVA_")}
        return {**outer, "NOVA_DATA": str(self.data), **self.settings}

    @property
    def instance(self) -> Instance:
        """The Nova that runs on the folder."""
        return running(self.data)

    async def __call__(self, *arguments: str, **settings: str) -> Ended:
        """Run a command to its end."""
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            *arguments,
            env={**self.environment, **settings},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return Ended(process.returncode or 0, out.decode(), err.decode())

    @asynccontextmanager
    async def up(self, *arguments: str) -> AsyncIterator[dict[str, Any]]:
        """Run `nova up --json` for the length of the block; yield what it says. It must end well."""
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "up", "--json", "--still", "--port", "0", *arguments,
            env={**self.environment, "NOVA_LIMITS": "off"},
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            yield json.loads(await process.stdout.readline())
        finally:
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0

    async def sign_up(self, handle: str) -> str:
        """Let somebody sign up at the Nova that runs; return his access token."""
        async with httpx.AsyncClient() as client:
            answer = await client.post(
                self.instance.graphql,
                json={
                    "query": "mutation($input: SignUpInput!) { signUp(input: $input) { tokens { accessToken } } }",
                    "variables": {
                        "input": {
                            "handle": handle,
                            "email": f"{handle}@example.org",
                            "password": PASSWORD,
                            "displayName": handle.title(),
                        }
                    },
                },
            )
        token: str = answer.json()["data"]["signUp"]["tokens"]["accessToken"]
        return token
