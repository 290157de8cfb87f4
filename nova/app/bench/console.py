"""PgBouncer's console: what it says of its pools (pgbouncer.org/usage.html, "Admin console").

It speaks the simple query protocol alone, which asyncpg has no rows for; so PostgreSQL's own psql asks.
"""

import asyncio
import csv
import io
import os
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from nova.app.engines.addresses import for_role, presentable
from nova.app.engines.postgres_find import find_postgres
from nova.platform.errors import FailedPrecondition

_DATABASE: Final = "pgbouncer"


class ConsoleClosed(FailedPrecondition):
    """PgBouncer does not answer questions about itself."""


class Console:
    """The console of one PgBouncer. `url` is that of a user in its `stats_users`; each question is a connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(for_role(url, database=_DATABASE))
        password = parts.password
        # Not in the arguments, where everybody on this machine could read it.
        self._environment = os.environ | ({} if password is None else {"PGPASSWORD": unquote(password)})
        user, _, place = parts.netloc.rpartition("@")
        self._dsn = parts._replace(netloc=f"{user.partition(':')[0]}@{place}").geturl()

    async def ask(self, what: str) -> list[dict[str, str]]:
        """Return the rows of `SHOW what`, by column. Raises `ConsoleClosed`."""
        process = await asyncio.create_subprocess_exec(
            *(str(find_postgres().folder / "psql"), "--no-psqlrc", "--csv", "-c", f"SHOW {what}", self._dsn),
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, complained = await process.communicate()
        if process.returncode != 0:
            raise ConsoleClosed(
                f"PgBouncer at {presentable(self._dsn)} answers nothing about {what} "
                f"({complained.decode().strip()}): name the user in its `stats_users`."
            )
        return list(csv.DictReader(io.StringIO(said.decode())))

    async def settings(self) -> Mapping[str, str]:
        """Return its configuration by name."""
        return {row["key"]: row["value"] for row in await self.ask("CONFIG")}

    async def version(self) -> str:
        """Return its version."""
        (row,) = await self.ask("VERSION")
        return row["version"].rpartition(" ")[2]
