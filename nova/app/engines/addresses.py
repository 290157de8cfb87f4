"""Servers of the user's own: their URLs for other roles and databases, and whether they answer."""

from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import asyncpg

from nova.app.engines.errors import EngineDown
from nova.app.engines.roles import quoted
from nova.platform.errors import NovaError
from nova.platform.redis import client

CONNECT_TIMEOUT_S = 10.0


async def connect(dsn: str) -> "asyncpg.Connection[asyncpg.Record]":
    """A connection to PostgreSQL. Raises EngineDown, naming the server without its password."""
    try:
        return await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise EngineDown(
            f"PostgreSQL does not answer at {presentable(dsn)} ({reason(error)}): start it, or correct "
            "NOVA_POSTGRES_URL."
        ) from error


async def ping(url: str) -> None:
    """Return once the Redis at `url` has answered. Raises EngineDown."""
    try:
        redis = await client.connect(url, timeout_s=CONNECT_TIMEOUT_S)
        try:
            await redis.execute("PING")
        finally:
            await redis.aclose()
    except (OSError, ValueError, NovaError) as error:
        raise EngineDown(
            f"Redis does not answer at {presentable(url)} ({reason(error)}): start it, or correct "
            "NOVA_REDIS_URL."
        ) from error


def for_role(
    url: str,
    *,
    database: str,
    role: str | None = None,
    password: str | None = None,
    schema: str | None = None,
) -> str:
    """`url` with another database and, with `role`, another user and password, wherever it names them.

    `schema` is where names lead that say none, for a role whose own path does not lead there.
    """
    parts = urlsplit(url)
    taken = {"dbname", "database"} if role is None else {"dbname", "database", "user", "password"}
    query = [(name, value) for name, value in parse_qsl(parts.query) if name not in taken]
    if schema is not None:
        query.append(("search_path", quoted(schema)))
    where = parts.netloc
    if role is not None:
        secret = f":{quote(password, safe='')}" if password is not None else ""
        where = f"{quote(role, safe='')}{secret}@{where.rpartition('@')[2]}"
    return urlunsplit((parts.scheme, where, "/" + quote(database, safe=""), urlencode(query, safe="/"), ""))


def without_user(url: str) -> str:
    """`url` without user and password, wherever it names them: the place alone."""
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name not in {"user", "password"}]
    options = f"?{urlencode(query, safe='/')}" if query else ""
    # Not by `urlunsplit`: it takes the `//` from a URL whose host is an option.
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}{options}"


def presentable(url: str) -> str:
    """`url` fit for a message: without its user, password and options."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def reason(error: BaseException) -> str:
    """What an error says, or its name where it says nothing (a time-out)."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
