"""The knobs of the engines that Nova stands on: where each answers, where it is not one of its own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from nova.platform.knobs import Knob, Secret, Url


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


class BucketUrl(HttpUrl):
    """Where a bucket is: S3, or what speaks like it, and the name of the bucket as the path."""

    __slots__ = ()

    def __init__(self, text: str) -> None:
        """Raise ValueError for what names no bucket, and for what else a URL may say."""
        super().__init__(text)
        parts = urlsplit(text)
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("the keys have knobs of their own: give server and bucket alone.")
        if not parts.hostname or not self.bucket or "/" in self.bucket:
            raise ValueError("name server and bucket: https://s3.eu-central-1.amazonaws.com/nova-media.")

    @property
    def endpoint(self) -> str:
        """The server, without the bucket."""
        parts = urlsplit(self.reveal())
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def bucket(self) -> str:
        """The name of the bucket."""
        return urlsplit(self.reveal()).path.strip("/")


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
            "Neo4j 5.23 or newer, with user and password, for paths and suggestions; unset answers them from memory.",
            parts=frozenset({"graph"}),
        ),
    ] = None
    s3_url: Annotated[
        BucketUrl | None,
        Knob(
            "NOVA_S3_URL",
            "The bucket for objects, https://server/bucket, at S3 or what speaks like it; unset: the data folder.",
            parts=frozenset({"gateway"}),
        ),
    ] = None
    s3_access_key: Annotated[
        Secret | None,
        Knob(
            "NOVA_S3_ACCESS_KEY",
            "The access key of who may read, write and list in that bucket.",
            parts=frozenset({"gateway"}),
        ),
    ] = None
    s3_secret_key: Annotated[
        Secret | None,
        Knob("NOVA_S3_SECRET_KEY", "The secret key beside it.", parts=frozenset({"gateway"})),
    ] = None
    s3_authority: Annotated[
        Path | None,
        Knob(
            "NOVA_S3_TLS_CA",
            "The authorities that its certificate is checked by (PEM), beside the system's; unset: the system's alone.",
        ),
    ] = None
    s3_region: Annotated[str, Knob("NOVA_S3_REGION", "The region for which requests are signed.")] = (
        "us-east-1"
    )
