"""Reading the configuration: once, from the environment, strictly.

What contradicts itself, or would be unsafe in production, is a `BadConfig` that names variable, value and fix.
A process needs the secrets of the parts that it holds, and no others.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from nova.platform.config import (
    CacheKnobs,
    Config,
    Environment,
    GraphQL,
    Limits,
    PersistedQueries,
    Secrets,
    Server,
    Tokens,
    World,
)
from nova.platform.engine_knobs import Engines
from nova.platform.knobs import BadConfig, Knob, knobs_of, may_be_secret, out_of_files, read, refuse_unknown
from nova.platform.log.kafka_security import KafkaSecurity, refuse_bare_password, refuse_contradictions
from nova.platform.mail.knobs import MailKnobs
from nova.platform.rpc.tls import Tls
from nova.platform.telemetry.knobs import TelemetryKnobs

_SECRET_LEAST = 32
_BROKER = re.compile(r"[A-Za-z0-9._-]+:[0-9]{1,5}")
_SECTIONS = {
    "server": Server, "engines": Engines, "kafka": KafkaSecurity, "limits": Limits, "graphql": GraphQL,
    "tokens": Tokens, "mail": MailKnobs, "cache": CacheKnobs, "telemetry": TelemetryKnobs, "tls": Tls,
    "secrets": Secrets,
}  # fmt: skip

# What production cannot do without of what only some parts read.
_OWN: Mapping[str, str] = {
    "NOVA_SECRET": "production needs a secret of its own: `openssl rand -hex 32`.",
    "NOVA_IDENTITY_KEK": "production keeps no key in a data folder: `openssl rand -hex 32`.",
    "NOVA_SMTP_URL": "production sends its mail: name the SMTP server.",
    "NOVA_PUBLIC_URL": "production's links lead somewhere: https://nova.example.",
}


def load(environ: Mapping[str, str]) -> Config:
    """Return the configuration that `environ` asks for; raises `BadConfig`."""
    environ = plain(environ)
    refuse_unknown(environ, _known())
    config = Config(**{name: read(section, environ) for name, section in _SECTIONS.items()})
    config = _settled(config, environ)
    _refuse_contradictions(config)
    _refuse_sender_of_nowhere(config, environ)
    if config.server.environment is Environment.PRODUCTION:
        _refuse_laptop_habits(config)
    return config


def plain(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` with secrets and URLs in it that it only names the files of; raises `BadConfig`."""
    return out_of_files(environ, (spec for kind, spec in _knobs() if may_be_secret(kind)))


def environ_for(part: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` as a part of the platform gets it: without what only others read."""
    others = {
        name for _, spec in _knobs() if spec.parts and part not in spec.parts for name in spec.variables
    }
    return {name: value for name, value in environ.items() if name not in others}


def require_own(config: Config, parts: Collection[str]) -> None:
    """Raise `BadConfig` where in production something is not set that one of these parts cannot do without."""
    if config.server.environment is not Environment.PRODUCTION:
        return
    for name, section in _SECTIONS.items():
        for field, _, spec in knobs_of(section):
            fix = _OWN.get(spec.variable)
            given, default = getattr(getattr(config, name), field), getattr(section(), field)
            if fix is not None and given == default and not spec.parts.isdisjoint(parts):
                raise BadConfig(spec.variable, None, fix)


def _knobs() -> Iterator[tuple[object, Knob]]:
    return ((kind, spec) for section in _SECTIONS.values() for _, kind, spec in knobs_of(section))


def _known() -> Iterator[str]:
    """Yield every variable that may be set; by their names a misspelt one is told what it may have meant."""
    for kind, spec in _knobs():
        yield from spec.variables if may_be_secret(kind) else (spec.variable,)


def _settled(config: Config, environ: Mapping[str, str]) -> Config:
    """Fill in the defaults that depend on the environment."""
    production = config.server.environment is Environment.PRODUCTION
    if production and "NOVA_WORLD" not in environ:
        config = replace(config, server=replace(config.server, world=World.NONE))
    if config.graphql.introspection is None:
        config = replace(config, graphql=replace(config.graphql, introspection=not production))
    return config


def _refuse_contradictions(config: Config) -> None:
    tokens, engines, cache = config.tokens, config.engines, config.cache
    if tokens.refresh_s <= tokens.access_s:
        raise BadConfig("NOVA_REFRESH_TOKEN_S", str(tokens.refresh_s),
                        f"a refresh token must outlive an access token ({tokens.access_s} s).")  # fmt: skip
    if engines.postgres_replica_url is not None and engines.postgres_url is None:
        raise BadConfig("NOVA_POSTGRES_REPLICA_URL", str(engines.postgres_replica_url),
                        "a replica needs its primary: set NOVA_POSTGRES_URL too.")  # fmt: skip
    if engines.postgres_pooler_url is not None and engines.postgres_url is None:
        raise BadConfig("NOVA_POSTGRES_POOLER_URL", str(engines.postgres_pooler_url),
                        "migrations and wake-ups need PostgreSQL itself: set NOVA_POSTGRES_URL too.")  # fmt: skip
    _refuse_kafka_contradictions(engines)
    _refuse_half(
        "a bucket",
        {
            "NOVA_S3_URL": engines.s3_url,
            "NOVA_S3_ACCESS_KEY": engines.s3_access_key,
            "NOVA_S3_SECRET_KEY": engines.s3_secret_key,
        },
    )
    refuse_contradictions(config.kafka, has_kafka=engines.kafka_bootstrap is not None)
    if cache.local_ttl_s > cache.redis_ttl_s:
        raise BadConfig("NOVA_CACHE_LOCAL_TTL_S", str(cache.local_ttl_s),
                        f"it may not exceed NOVA_CACHE_REDIS_TTL_S ({cache.redis_ttl_s:g} s).")  # fmt: skip
    _refuse_weak_secrets(config.secrets)
    _refuse_half(
        "mutual TLS",
        {
            "NOVA_TLS_CERTIFICATE": config.tls.certificate,
            "NOVA_TLS_KEY": config.tls.key,
            "NOVA_TLS_CA": config.tls.authority,
        },
    )
    graphql = config.graphql
    if graphql.persisted is PersistedQueries.TRUSTED and graphql.trusted_documents is None:
        raise BadConfig(
            "NOVA_TRUSTED_DOCUMENTS", None, "trusted documents need their manifest: name the file."
        )


def _refuse_weak_secrets(secrets: Secrets) -> None:
    for field, _, spec in knobs_of(Secrets):
        secret = getattr(secrets, field)
        if secret is not None and len(secret.reveal()) < _SECRET_LEAST:
            fix = f"use at least {_SECRET_LEAST} characters: `openssl rand -hex 32`."
            raise BadConfig(spec.variable, "***", fix)
    if secrets.identity_kek is None and secrets.identity_kek_before is not None:
        raise BadConfig("NOVA_IDENTITY_KEK", None, "only the key before it is given: set the new one too.")


def _refuse_half(what: str, given: Mapping[str, object]) -> None:
    """Raise `BadConfig` where only some are given of what goes together."""
    missing = [variable for variable, value in given.items() if value is None]
    if 0 < len(missing) < len(given):
        raise BadConfig(missing[0], None, f"{what} takes all of {', '.join(given)}, or none of them.")


def _refuse_kafka_contradictions(engines: Engines) -> None:
    brokers = engines.kafka_bootstrap
    if brokers is None and engines.schema_registry_url is not None:
        raise BadConfig("NOVA_SCHEMA_REGISTRY_URL", str(engines.schema_registry_url),
                        "schemas are registered for Kafka: set NOVA_KAFKA_BOOTSTRAP too.")  # fmt: skip
    if brokers is not None and not all(_BROKER.fullmatch(broker) for broker in brokers.split(",")):
        raise BadConfig("NOVA_KAFKA_BOOTSTRAP", brokers, "name brokers as host:port, with commas.")


def _refuse_sender_of_nowhere(config: Config, environ: Mapping[str, str]) -> None:
    if config.mail.smtp_url is not None and "NOVA_MAIL_FROM" not in environ:
        raise BadConfig("NOVA_MAIL_FROM", None, "an SMTP server wants to know from which address: name it.")


def _refuse_laptop_habits(config: Config) -> None:
    if config.engines.postgres_url is None:
        raise BadConfig(
            "NOVA_POSTGRES_URL", None, "production does not run on the embedded PostgreSQL: give its URL."
        )
    if config.engines.redis_url is None:
        raise BadConfig(
            "NOVA_REDIS_URL", None, "production does not run on the embedded Valkey: give its URL."
        )
    if config.engines.kafka_bootstrap is not None and config.engines.kafka_replication == 1:
        raise BadConfig(
            "NOVA_KAFKA_REPLICATION", "1", "the events of one broker go with it: keep three replicas."
        )
    refuse_bare_password(config.kafka)
    if config.server.world is not World.NONE:
        raise BadConfig("NOVA_WORLD", config.server.world, "sample people have known passwords: use none.")
    if not config.limits.enabled:
        raise BadConfig("NOVA_LIMITS", "off", "production keeps its rate limits: unset it.")
