"""Where the engines answer, from the embedded ones or from the configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nova.app.engines.addresses import for_role
from nova.app.engines.embedded import Engines
from nova.app.engines.roles import DATABASE, LOG, role_of
from nova.platform.config import Config
from nova.platform.knobs import BadConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the engines answer: one DSN a room (its own role), the event log's, and Redis."""

    room_dsns: Mapping[str, str]
    log_dsn: str
    redis_url: str


def of_engines(engines: Engines) -> Sources:
    """Return the sources of engines that this process started or set up."""
    return Sources(
        room_dsns={room: engines.room_dsn(room) for room in engines.rooms},
        log_dsn=engines.postgres_dsn(role_of(LOG)),
        redis_url=engines.redis_url,
    )


def of_config(config: Config, rooms: Sequence[str]) -> Sources:
    """Return the sources that the configuration names. Raises `BadConfig` where it names none."""
    engines = config.engines
    for variable, url in (("NOVA_POSTGRES_URL", engines.postgres_url), ("NOVA_REDIS_URL", engines.redis_url)):
        if url is None:
            raise BadConfig(variable, None, "a process of its own needs the URL of an engine that runs.")
    secret = engines.postgres_role_password
    password = None if secret is None else secret.reveal()

    def dsn(room: str) -> str:
        return for_role(str(engines.postgres_url), database=DATABASE, role=role_of(room), password=password)

    return Sources(
        room_dsns={room: dsn(room) for room in rooms}, log_dsn=dsn(LOG), redis_url=str(engines.redis_url)
    )
