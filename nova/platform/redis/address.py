"""Where a Redis server answers, and how to say hello to it."""

import ssl
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

_PORT = 6379


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One server: a Unix socket when `path` is set, else a host. The password is not part of its repr.

    `authorities` is a file of certificates that may have issued the server's; None trusts the system's.
    """

    path: str | None = None
    host: str = "localhost"
    port: int = _PORT
    tls: bool = False
    authorities: str | None = None
    username: str = "default"
    password: str | None = None
    database: int = 0

    def __repr__(self) -> str:
        return f"unix://{self.path}" if self.path else f"redis://{self.host}:{self.port}/{self.database}"

    def greeting(self) -> list[tuple[str | int, ...]]:
        """Return the commands that open a connection: RESP3 with the credentials, then the database."""
        hello: tuple[str | int, ...] = ("HELLO", 3)
        if self.password is not None:
            hello += ("AUTH", self.username, self.password)
        return [hello, ("SELECT", self.database)] if self.database else [hello]

    def tls_context(self) -> ssl.SSLContext | None:
        """Return the TLS settings, by which the host name is checked. Raises OSError where a file cannot be used."""
        return ssl.create_default_context(cafile=self.authorities) if self.tls else None


def parse(url: str) -> Address:
    """Read `unix:///path`, `redis://` or `rediss://[user][:password]@host[:port][/db]`; raises ValueError.

    A Unix socket takes its database as `?db=1`, TLS a file of authorities as `?ssl_ca_certs=/path`, as in redis-py.
    """
    parts = urlsplit(url)
    options = parse_qs(parts.query)
    username = unquote(parts.username) if parts.username else "default"
    password = unquote(parts.password) if parts.password is not None else None
    if parts.scheme == "unix":
        database = int(options.get("db", ["0"])[0])
        return Address(path=unquote(parts.path), database=database, username=username, password=password)
    if parts.scheme not in {"redis", "rediss"}:
        raise ValueError(f"{parts.scheme!r} is no scheme of Redis: use unix, redis or rediss")
    return Address(
        host=parts.hostname or "localhost",
        port=parts.port or _PORT,
        tls=parts.scheme == "rediss",
        authorities=options.get("ssl_ca_certs", [None])[0],
        database=int(parts.path.strip("/") or 0),
        username=username,
        password=password,
    )
