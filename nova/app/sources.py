"""Where the engines answer, from the embedded ones or from the configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from nova.app.engines.addresses import for_role
from nova.app.engines.embedded import Engines
from nova.app.engines.passwords import given_passwords, kept_passwords
from nova.app.engines.roles import DATABASE, LOG, RELAY, role_of
from nova.platform.config import Config
from nova.platform.knobs import BadConfig, Secret, spelt
from nova.platform.object_store import Store, bucket_of, in_bucket, in_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Kafka:
    """The Kafka that keeps the events: its brokers, what stands before names there, and the registry beside it.

    `security` has the knobs of `KafkaSecurity` that are set, by variable, as they are spelt: fit to be kept as JSON.
    """

    bootstrap: str
    prefix: str = ""
    replication: int = 1
    registry_url: str | None = None
    security: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the engines answer: one DSN a room (its own role), the event log's, and Redis.

    `outbox_dsns` lead to the same rooms under the relay's role, which reaches their outboxes alone. `replica_dsns` is
    empty without a read replica, `pooled_dsns` without a pooler: migrations and bells always go to PostgreSQL itself.
    With `kafka` that keeps the events, and the log's DSN is only for the bell.
    """

    room_dsns: Mapping[str, str]
    outbox_dsns: Mapping[str, str]
    log_dsn: str
    redis_url: str
    replica_dsns: Mapping[str, str] = field(default_factory=dict)
    pooled_dsns: Mapping[str, str] = field(default_factory=dict)
    kafka: Kafka | None = None

    @classmethod
    def restored(cls, kept: Mapping[str, Any]) -> Self:
        """Return the sources that `dataclasses.asdict` made `kept` of. Raises TypeError where it did not."""
        kafka = kept.get("kafka")
        return cls(**{**kept, "kafka": None if kafka is None else Kafka(**kafka)})


def engines_of(config: Config, data: Path, rooms: Sequence[str]) -> Engines:
    """Return the engines of a configuration, to be entered: those it names, and embedded ones for the rest."""
    wanted = config.engines
    return Engines(
        data,
        rooms=rooms,
        postgres_url=_revealed(wanted.postgres_url),
        redis_url=_revealed(wanted.redis_url),
        passwords=wanted.postgres_passwords,
    )


def of_engines(engines: Engines, config: Config | None = None) -> Sources:
    """Return the sources of engines that this process started or set up; a replica is the configuration's."""
    room_dsns = {room: engines.room_dsn(room) for room in engines.rooms}
    return Sources(
        room_dsns=room_dsns,
        outbox_dsns={room: engines.outbox_dsn(room) for room in engines.rooms},
        log_dsn=engines.postgres_dsn(role_of(LOG)),
        redis_url=engines.redis_url,
        **({} if config is None else _beside(config, room_dsns)),
    )


def of_config(config: Config, rooms: Sequence[str]) -> Sources:
    """Return the sources that the configuration names. Raises `BadConfig` where it names none.

    The password of a role is the one that this process is given, else the one that `nova up` made for it on this
    machine. Whoever lacks one has no business with that role, and is told so by PostgreSQL where it signs in.
    """
    engines = config.engines
    postgres_url = _required("NOVA_POSTGRES_URL", engines.postgres_url)
    redis_url = _required("NOVA_REDIS_URL", engines.redis_url)
    given = engines.postgres_passwords
    passwords = (
        kept_passwords(config.server.data / "secrets.json") if given is None else given_passwords(given)
    )

    def dsn(owner: str, schema: str | None = None) -> str:
        role = role_of(owner)
        password = passwords.get(role)
        return for_role(postgres_url, database=DATABASE, role=role, password=password, schema=schema)

    room_dsns = {room: dsn(room) for room in rooms}
    return Sources(
        room_dsns=room_dsns,
        outbox_dsns={room: dsn(RELAY, schema=room) for room in rooms},
        log_dsn=dsn(LOG),
        redis_url=redis_url,
        **_beside(config, room_dsns),
    )


def store_of(config: Config) -> Store:
    """Return where objects lie: in the bucket that the configuration names, else in a folder of the data folder."""
    bucket = bucket_of(config.engines)
    return in_folder(config.server.data / "blobs") if bucket is None else in_bucket(bucket)


def _beside(config: Config, room_dsns: Mapping[str, str]) -> dict[str, Any]:
    """Return what stands beside the primary, as the configuration says."""
    engines = config.engines
    return {
        "replica_dsns": _at(engines.postgres_replica_url, room_dsns),
        "pooled_dsns": _at(engines.postgres_pooler_url, room_dsns),
        "kafka": _kafka(config),
    }


def _at(place: Secret | None, room_dsns: Mapping[str, str]) -> dict[str, str]:
    """Return the DSN of each room at a replica or a pooler: it has the roles and passwords of its primary."""
    url = _revealed(place)
    if url is None:
        return {}
    found = {}
    for room, dsn in room_dsns.items():
        password = urlsplit(dsn).password
        found[room] = for_role(
            url,
            database=DATABASE,
            role=role_of(room),
            password=None if password is None else unquote(password),
        )
    return found


def _kafka(config: Config) -> Kafka | None:
    engines = config.engines
    if engines.kafka_bootstrap is None:
        return None
    return Kafka(
        bootstrap=engines.kafka_bootstrap,
        prefix=engines.kafka_prefix,
        replication=engines.kafka_replication,
        registry_url=_revealed(engines.schema_registry_url),
        security=spelt(config.kafka),
    )


def _required(variable: str, url: Secret | None) -> str:
    if url is None:
        raise BadConfig(variable, None, "a process of its own needs the URL of an engine that runs.")
    return url.reveal()


def _revealed(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()
