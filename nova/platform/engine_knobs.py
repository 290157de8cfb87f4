"""The knobs of the engines that Nova stands on: where each answers, where it is not one of its own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from nova.platform.knobs import Knob, Url


class PostgresUrl(Url):
    """Where PostgreSQL answers."""

    __slots__ = ()
    schemes = ("postgresql", "postgres")


class RedisUrl(Url):
    """Where Redis or Valkey answers."""

    __slots__ = ()
    schemes = ("redis", "rediss", "unix")


class Neo4jUrl(Url):
    """Where Neo4j answers by Bolt; a path names a database that is not the user's own."""

    __slots__ = ()
    schemes = ("neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc")


class HttpUrl(Url):
    """Where something answers by HTTP."""

    __slots__ = ()
    schemes = ("http", "https")


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """The engines to use instead of the embedded ones."""

    postgres_url: Annotated[
        PostgresUrl | None,
        Knob(
            "NOVA_POSTGRES_URL",
            "PostgreSQL; its administrator's URL for what makes roles and schemas; unset starts the embedded one.",
        ),
    ] = None
    postgres_replica_url: Annotated[
        PostgresUrl | None,
        Knob("NOVA_POSTGRES_REPLICA_URL", "A read replica of that PostgreSQL; unset reads from the primary."),
    ] = None
    postgres_pooler_url: Annotated[
        PostgresUrl | None,
        Knob(
            "NOVA_POSTGRES_POOLER_URL",
            "PgBouncer, 1.21 or later, before that PostgreSQL: rooms' pools go through it; unset: directly.",
        ),
    ] = None
    postgres_passwords: Annotated[
        Path | None,
        Knob(
            "NOVA_POSTGRES_PASSWORDS",
            "A folder with a role's password in a file of its name (nova_feed), on a second line the next or the last "
            "one; unset: random ones in the data folder.",
        ),
    ] = None
    redis_url: Annotated[
        RedisUrl | None,
        Knob("NOVA_REDIS_URL", "The URL of Redis or Valkey; unset starts the embedded Valkey."),
    ] = None
    kafka_bootstrap: Annotated[
        str | None,
        Knob(
            "NOVA_KAFKA_BOOTSTRAP",
            "Brokers of Apache Kafka, host:port with commas; unset keeps the event log in PostgreSQL.",
        ),
    ] = None
    kafka_prefix: Annotated[
        str,
        Knob(
            "NOVA_KAFKA_PREFIX",
            "What stands before the names of topics and groups on a Kafka that serves others too.",
        ),
    ] = ""
    kafka_replication: Annotated[
        int, Knob("NOVA_KAFKA_REPLICATION", "Replicas of each topic that Nova makes on Kafka.", least=1)
    ] = 1
    schema_registry_url: Annotated[
        HttpUrl | None,
        Knob(
            "NOVA_SCHEMA_REGISTRY_URL",
            "A registry with Confluent's API, for the schemas of events on Kafka; unset sends plain protobuf.",
        ),
    ] = None
    neo4j_url: Annotated[
        Neo4jUrl | None,
        Knob(
            "NOVA_NEO4J_URL",
            "Neo4j, with user and password, for paths and suggestions; unset answers them from memory.",
            parts=frozenset({"graph"}),
        ),
    ] = None
