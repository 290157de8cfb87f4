"""The configuration is read strictly, and production refuses a laptop's habits."""

import dataclasses
from pathlib import Path

import pytest

from nova.platform.config import (
    DEVELOPMENT_SECRET,
    ROOMS,
    Config,
    Environment,
    PersistedQueries,
    World,
    describe,
)
from nova.platform.configure import environ_for, load, require_own
from nova.platform.errors import NotFound
from nova.platform.knobs import BadConfig, Secret
from nova.platform.mail.configured import site
from nova.platform.object_store import bucket_of

SECRET = "0123456789abcdef0123456789abcdef"
PRODUCTION = {
    "NOVA_ENVIRONMENT": "production",
    "NOVA_SECRET": SECRET,
    "NOVA_IDENTITY_KEK": SECRET,
    "NOVA_POSTGRES_URL": "postgresql://admin:pw@db/nova",
    "NOVA_REDIS_URL": "redis://:pw@cache:6379/0",
    "NOVA_SMTP_URL": "smtp://nova:pw@mail.example.org",
    "NOVA_MAIL_FROM": "no-reply@example.org",
    "NOVA_PUBLIC_URL": "https://nova.example.org/",
}
BUCKET = {
    "NOVA_S3_URL": "https://s3.example.org/pictures",
    "NOVA_S3_ACCESS_KEY": "nova",
    "NOVA_S3_SECRET_KEY": "hush",
}


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    config = load({"PATH": "/bin", "HOME": "/root"})
    assert (config.server.host, config.server.port) == ("127.0.0.1", 8080)
    assert config.server.data == Path(".nova")
    assert (site(config), config.mail.smtp_url) == ("http://127.0.0.1:8080", None)
    assert config.server.world is World.SMALL
    assert (config.limits.enabled, config.limits.ip_rate, config.limits.ip_burst) == (True, 100, 10)
    limits = config.limits
    assert (limits.mutations_per_min, limits.queries_per_min, limits.premium_per_min) == (10, 100, 1000)
    assert (config.graphql.cost, config.graphql.depth, config.graphql.backend_calls) == (1000, 10, 10)
    assert (config.tokens.access_s, config.tokens.refresh_s) == (3600, 30 * 24 * 3600)
    assert (config.cache.local_ttl_s, config.cache.redis_ttl_s) == (60, 300)
    assert config.graphql.introspection is True


def test_every_kind_of_value_is_read() -> None:
    config = load(
        {
            "NOVA_PORT": "0",
            "NOVA_LIMITS": "OFF",
            "NOVA_PERSISTED_QUERIES": "trusted",
            "NOVA_TRUSTED_DOCUMENTS": "/tmp/documents.json",
            "NOVA_LIMIT_IP_RATE": "2.5",
            "NOVA_DATA": "/tmp/x",
            "NOVA_POSTGRES_URL": "",
            "NOVA_INTROSPECTION": "off",
        }
    )
    assert config.server.port == 0
    assert config.limits.enabled is False
    assert config.graphql.persisted is PersistedQueries.TRUSTED
    assert config.limits.ip_rate == 2.5
    assert config.server.data == Path("/tmp/x")
    assert config.engines.postgres_url is None
    assert config.graphql.introspection is False


@pytest.mark.parametrize(
    ("variable", "value", "fix"),
    [
        ("NOVA_PORT", "http", "a whole number"),
        ("NOVA_PORT", "70000", "65535 or less"),
        ("NOVA_LIMIT_IP_BURST", "0", "1 or more"),
        ("NOVA_LIMIT_IP_RATE", "nan", "0.1 or more"),
        ("NOVA_LIMITS", "maybe", "on or off"),
        ("NOVA_TRUSTED_PROXIES", "10.0.0.0/8,proxy", "write networks as 10.0.0.0/8"),
        ("NOVA_TRUSTED_PROXIES", "10.0.0.1/8", "has host bits set"),
        ("NOVA_WORLD", "huge", "none, small, medium, big"),
        ("NOVA_REFRESH_TOKEN_S", "3600", "outlive an access token"),
        ("NOVA_CACHE_LOCAL_TTL_S", "301", "NOVA_CACHE_REDIS_TTL_S"),
    ],
)
def test_c3_a_bad_value_names_variable_value_and_fix(variable: str, value: str, fix: str) -> None:
    with pytest.raises(BadConfig) as caught:
        load({variable: value})
    assert caught.value.variable == variable
    assert variable in caught.value.message
    assert value.removesuffix(".0") in caught.value.message
    assert fix in caught.value.message


def test_c3_an_unknown_variable_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(BadConfig, match="did you mean NOVA_SECRET") as caught:
        load({"NOVA_SECERT": SECRET})
    assert SECRET not in caught.value.message


def test_c3_a_replica_without_its_primary_is_refused() -> None:
    with pytest.raises(BadConfig, match="NOVA_POSTGRES_URL"):
        load({"NOVA_POSTGRES_REPLICA_URL": "postgresql://db2/nova"})


def test_c3_a_pooler_without_its_primary_is_refused() -> None:
    with pytest.raises(BadConfig, match="NOVA_POSTGRES_URL"):
        load({"NOVA_POSTGRES_POOLER_URL": "postgresql://pooler:6432/nova"})


def test_c3_a_schema_registry_without_kafka_is_refused() -> None:
    with pytest.raises(BadConfig, match="NOVA_KAFKA_BOOTSTRAP"):
        load({"NOVA_SCHEMA_REGISTRY_URL": "http://registry:8081"})


@pytest.mark.parametrize("brokers", ["kafka", "kafka:", "kafka:9092,", "kafka://kafka:9092", "a:1 b:2"])
def test_c3_brokers_are_named_as_host_and_port(brokers: str) -> None:
    with pytest.raises(BadConfig, match="NOVA_KAFKA_BOOTSTRAP"):
        load({"NOVA_KAFKA_BOOTSTRAP": brokers})


def test_c4_the_password_of_neo4j_is_masked() -> None:
    config = load({"NOVA_NEO4J_URL": "neo4j+s://nova:s3cret@graph.example:7687/follows"})
    (row,) = [row for row in describe(config) if row.variable == "NOVA_NEO4J_URL"]
    assert row.value == "neo4j+s://nova:***@graph.example:7687/follows"
    with pytest.raises(BadConfig, match="neo4j://") as caught:
        load({"NOVA_NEO4J_URL": "http://graph.example:7474"})
    assert caught.value.variable == "NOVA_NEO4J_URL"


def test_a_bucket_is_a_server_and_a_name() -> None:
    engines = load(
        {**BUCKET, "NOVA_S3_URL": "http://127.0.0.1:8333/pictures/", "NOVA_S3_REGION": "eu-west-1"}
    ).engines
    assert engines.s3_url is not None
    assert (engines.s3_url.endpoint, engines.s3_url.bucket) == ("http://127.0.0.1:8333", "pictures")
    bucket = bucket_of(engines)
    assert bucket is not None
    assert (bucket.region, bucket.secret_key.reveal()) == ("eu-west-1", "hush")
    assert bucket_of(load({"NOVA_S3_REGION": "eu-west-1"}).engines) is None


@pytest.mark.parametrize(
    "url",
    [
        "s3://pictures", "https://s3.example.org", "https://s3.example.org/", "https://s3.example.org/a/b", "https:///a",
        "https://nova:hush@s3.example.org/pictures", "https://s3.example.org/pictures?key=hush",
    ],
)  # fmt: skip
def test_c3_what_names_no_bucket_is_refused(url: str) -> None:
    with pytest.raises(BadConfig, match="NOVA_S3_URL") as caught:
        load({**BUCKET, "NOVA_S3_URL": url})
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("missing", BUCKET)
def test_c3_half_of_a_bucket_names_what_is_missing(missing: str) -> None:
    with pytest.raises(BadConfig, match="a bucket takes all of") as caught:
        load({name: value for name, value in BUCKET.items() if name != missing})
    assert caught.value.variable == missing


def test_c4_the_keys_of_a_bucket_are_masked() -> None:
    told = [row for row in describe(load(BUCKET)) if row.variable in BUCKET]
    assert [row.value for row in told] == [BUCKET["NOVA_S3_URL"], "***", "***"]


def test_c3_production_keeps_no_events_on_one_broker_alone() -> None:
    with pytest.raises(BadConfig, match="NOVA_KAFKA_REPLICATION"):
        load({**PRODUCTION, "NOVA_KAFKA_BOOTSTRAP": "kafka:9092"})
    config = load({**PRODUCTION, "NOVA_KAFKA_BOOTSTRAP": "a:9092,b:9092", "NOVA_KAFKA_REPLICATION": "3"})
    assert config.engines.kafka_bootstrap == "a:9092,b:9092"


def test_c3_trusted_documents_without_their_manifest_are_refused() -> None:
    with pytest.raises(BadConfig, match="NOVA_TRUSTED_DOCUMENTS"):
        load({"NOVA_PERSISTED_QUERIES": "trusted"})


def test_production_with_its_own_values_starts() -> None:
    config = load(PRODUCTION)
    assert config.server.environment is Environment.PRODUCTION
    assert config.server.world is World.NONE
    assert config.graphql.introspection is False
    assert site(config) == "https://nova.example.org"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("NOVA_SECRET", DEVELOPMENT_SECRET.reveal()),
        ("NOVA_SECRET", "short"),
        ("NOVA_SECRET", None),
        ("NOVA_IDENTITY_KEK", "short"),
        ("NOVA_IDENTITY_KEK", None),
        ("NOVA_POSTGRES_URL", None),
        ("NOVA_REDIS_URL", None),
        ("NOVA_SMTP_URL", None),
        ("NOVA_SMTP_URL", "http://mail.example.org"),
        ("NOVA_SMTP_URL", "smtp://"),
        ("NOVA_MAIL_FROM", None),
        ("NOVA_MAIL_FROM", "nobody"),
        ("NOVA_MAIL_FROM", "a@example.org\nBcc: b@example.org"),
        ("NOVA_PUBLIC_URL", None),
        ("NOVA_PUBLIC_URL", "nova.example.org"),
        ("NOVA_PUBLIC_URL", "https://nova.example.org/?next=there"),
        ("NOVA_WORLD", "small"),
        ("NOVA_LIMITS", "off"),
    ],
)
def test_c3_production_refuses_what_is_only_fit_for_a_laptop(variable: str, value: str | None) -> None:
    environ = {name: text for name, text in PRODUCTION.items() if name != variable}
    if value is not None:
        environ[variable] = value
    with pytest.raises(BadConfig) as caught:
        require_own(load(environ), ("identity", "gateway"))
    assert caught.value.variable == variable


OWN = {
    "NOVA_SECRET": "gateway",
    "NOVA_IDENTITY_KEK": "identity",
    "NOVA_SMTP_URL": "identity",
    "NOVA_PUBLIC_URL": "identity",
}


@pytest.mark.parametrize("part", [*ROOMS, "gateway", "relay"])
def test_c4_in_production_a_part_needs_its_own_secrets_alone(part: str) -> None:
    for variable, reader in OWN.items():
        config = load({name: text for name, text in PRODUCTION.items() if name != variable})
        if part == reader:
            with pytest.raises(BadConfig, match=variable):
                require_own(config, (part,))
        else:
            require_own(config, (part,))


def test_c4_what_one_part_reads_is_kept_from_the_others() -> None:
    own = {**OWN, "NOVA_NEO4J_URL": "graph", **dict.fromkeys(BUCKET, "gateway")}
    everything = {
        **PRODUCTION,
        **BUCKET,
        "NOVA_NEO4J_URL": "neo4j://n:pw@graph",
        "NOVA_SMTP_URL_FILE": "/smtp",
        "PATH": "/bin",
    }
    for part in (*ROOMS, "gateway", "relay"):
        others = {name for name, reader in own.items() if reader != part}
        withheld = everything.keys() - environ_for(part, everything).keys()
        assert withheld == others | ({"NOVA_SMTP_URL_FILE"} if part != "identity" else set())


SECRETS = [
    "NOVA_SECRET", "NOVA_IDENTITY_KEK", "NOVA_POSTGRES_URL", "NOVA_POSTGRES_REPLICA_URL", "NOVA_POSTGRES_POOLER_URL",
    "NOVA_REDIS_URL", "NOVA_NEO4J_URL", "NOVA_SCHEMA_REGISTRY_URL", "NOVA_SMTP_URL", "NOVA_PUBLIC_URL",
    "NOVA_OTLP_ENDPOINT", "NOVA_KAFKA_SASL_PASSWORD", "NOVA_S3_URL", "NOVA_S3_ACCESS_KEY", "NOVA_S3_SECRET_KEY",
]  # fmt: skip


def test_c4_every_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    plain = {
        **PRODUCTION,
        **BUCKET,
        "NOVA_KAFKA_BOOTSTRAP": "a:9092",
        "NOVA_KAFKA_REPLICATION": "3",
        "NOVA_KAFKA_SECURITY_PROTOCOL": "sasl_ssl",
        "NOVA_KAFKA_SASL_USER": "nova",
        "NOVA_KAFKA_SASL_PASSWORD": "pw ",
        "NOVA_POSTGRES_REPLICA_URL": "postgresql://replica/nova",
        "NOVA_POSTGRES_POOLER_URL": "postgresql://pooler/nova",
        "NOVA_NEO4J_URL": "neo4j://graph",
        "NOVA_SCHEMA_REGISTRY_URL": "https://registry",
        "NOVA_OTLP_ENDPOINT": "https://collector",
    }
    filed = dict(plain)
    for variable in SECRETS:
        file = tmp_path / variable
        file.write_text(f"{filed.pop(variable)}\n")
        filed[f"{variable}_FILE"] = str(file)
    assert load(filed) == load(plain)


@pytest.mark.parametrize(
    ("environ", "fix"),
    [
        ({"NOVA_SECRET_FILE": "{here}", "NOVA_SECRET": SECRET}, "NOVA_SECRET is set too"),
        ({"NOVA_SECRET_FILE": "{here}/absent"}, "No such file"),
        ({"NOVA_SECRET_FILE": "{here}"}, "Is a directory"),
    ],
)
def test_c3_a_secret_s_file_that_cannot_be_used_is_named(
    tmp_path: Path, environ: dict[str, str], fix: str
) -> None:
    with pytest.raises(BadConfig, match=fix) as caught:
        load({name: text.format(here=tmp_path) for name, text in environ.items()})
    assert caught.value.variable == "NOVA_SECRET_FILE"
    assert str(tmp_path) in caught.value.message


def test_c3_only_secrets_stand_in_files() -> None:
    with pytest.raises(BadConfig, match="NOVA_PORT_FILE"):
        load({"NOVA_PORT_FILE": "/etc/port"})
    with pytest.raises(BadConfig, match="did you mean NOVA_SECRET_FILE"):
        load({"NOVA_SECRET_FIEL": "/run/secrets/nova"})


def test_c4_secrets_and_passwords_never_print() -> None:
    config = load(PRODUCTION)
    printed = f"{config!r} {config} {[dataclasses.asdict(row) for row in describe(config)]}"
    assert SECRET not in printed
    assert "pw" not in printed
    assert "redis://:***@cache:6379/0" in printed
    assert config.engines.redis_url is not None
    assert config.engines.redis_url.reveal() == "redis://:pw@cache:6379/0"


@pytest.mark.parametrize(
    ("variable", "url", "shown"),
    [
        ("NOVA_POSTGRES_URL", "postgresql://nova@db/nova", "postgresql://nova@db/nova"),
        (
            "NOVA_POSTGRES_URL",
            "postgresql://db/nova?user=admin&password=hunter2,2&sslpassword=hunter2&sslmode=require",
            "postgresql://db/nova?user=admin&password=***&sslpassword=***&sslmode=require",
        ),
        ("NOVA_POSTGRES_URL", "postgresql://nova:hunter2/@hunter2@db/nova", "postgresql://nova:***@db/nova"),
        ("NOVA_REDIS_URL", "redis://cache/0?password=hunter2", "redis://cache/0?password=***"),
        ("NOVA_REDIS_URL", "unix:///run/redis?password=hunter2", "unix:///run/redis?password=***"),
        ("NOVA_OTLP_ENDPOINT", "https://hunter2@collector:4317", "https://***@collector:4317"),
        ("NOVA_OTLP_ENDPOINT", "https://u:hunter2@collector", "https://u:***@collector"),
        ("NOVA_OTLP_ENDPOINT", "https://collector/?api_key=hunter2", "https://collector/?api_key=***"),
    ],
)
def test_c4_a_url_is_shown_without_its_secrets(variable: str, url: str, shown: str) -> None:
    config = load({variable: url})
    (row,) = [row for row in describe(config) if row.variable == variable]
    assert row.value == shown
    assert "hunter2" not in repr(config)


@pytest.mark.parametrize("variable", ["NOVA_KAFKA_BOOTSTRAP", "NOVA_OTLP_ENDPOINT", "NOVA_WORLD"])
def test_c4_a_refused_value_does_not_show_its_password(variable: str) -> None:
    with pytest.raises(BadConfig, match=variable) as caught:
        load({variable: "kafka://nova:hunter2@kafka:9092"})
    assert "hunter2" not in caught.value.message


def test_c4_a_refused_url_does_not_show_its_password() -> None:
    with pytest.raises(BadConfig, match="redis://") as caught:
        load({"NOVA_REDIS_URL": "http://:hunter2@cache"})
    assert "hunter2" not in caught.value.message


def test_each_knob_is_described_once_with_a_sentence() -> None:
    rows = describe(Config())
    variables = [row.variable for row in rows]
    assert len(variables) == len(set(variables)) > 30
    assert all(row.sentence.endswith(".") and row.value == row.default for row in rows)


def test_the_ports_of_rooms_follow_their_number() -> None:
    server = Config().server
    assert [server.grpc_port(room) for room in ROOMS] == list(range(7001, 7016))
    assert server.grpc_port("content") == 7005
    with pytest.raises(NotFound, match="identity"):
        server.grpc_port("elsewhere")


def test_secrets_compare_by_their_text() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1
