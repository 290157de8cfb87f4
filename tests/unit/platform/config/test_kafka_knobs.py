"""Knobs of the clients of Kafka: what contradicts itself is refused, and what is left is what a client takes."""

from pathlib import Path

import pytest

from nova.app.authority import Authority
from nova.app.sources import Sources, of_config
from nova.platform.config import describe
from nova.platform.configure import load
from nova.platform.knobs import BadConfig, read, spelt
from nova.platform.log.kafka_cluster import Cluster
from nova.platform.log.kafka_security import KafkaSecurity, Mechanism, Protocol
from tests.unit.platform.config.test_load import PRODUCTION

BROKERS = {"NOVA_KAFKA_BOOTSTRAP": "kafka:9093"}
SIGN_IN = {"NOVA_KAFKA_SASL_USER": "nova", "NOVA_KAFKA_SASL_PASSWORD": "s3cret"}
SASL = {**BROKERS, **SIGN_IN, "NOVA_KAFKA_SECURITY_PROTOCOL": "sasl_ssl"}


def security(**knobs: str) -> KafkaSecurity:
    return load({**BROKERS, **knobs}).kafka


@pytest.mark.parametrize(
    ("knobs", "variable", "fix"),
    [
        (SIGN_IN | {"NOVA_KAFKA_SECURITY_PROTOCOL": "sasl_ssl"}, "NOVA_KAFKA_BOOTSTRAP", "name its brokers"),
        (BROKERS | SIGN_IN, "NOVA_KAFKA_SASL_USER", "set NOVA_KAFKA_SECURITY_PROTOCOL to sasl_ssl"),
        (BROKERS | {"NOVA_KAFKA_SASL_MECHANISM": "PLAIN"}, "NOVA_KAFKA_SASL_MECHANISM", "to sasl_ssl"),
        (BROKERS | {"NOVA_KAFKA_TLS_CA": "/ca"}, "NOVA_KAFKA_TLS_CA", "to ssl or sasl_ssl"),
        (SASL | {"NOVA_KAFKA_SECURITY_PROTOCOL": "sasl_plaintext", "NOVA_KAFKA_TLS_CA": "/ca"},
         "NOVA_KAFKA_TLS_CA", "means nothing to sasl_plaintext"),
        (SASL | {"NOVA_KAFKA_SASL_USER": ""}, "NOVA_KAFKA_SASL_USER", "name and password"),
        (SASL | {"NOVA_KAFKA_SASL_PASSWORD": ""}, "NOVA_KAFKA_SASL_PASSWORD", "name and password"),
        (SASL | {"NOVA_KAFKA_TLS_CERTIFICATE": "/c"}, "NOVA_KAFKA_TLS_KEY", "set both, or neither"),
        (SASL | {"NOVA_KAFKA_TLS_KEY": "/k"}, "NOVA_KAFKA_TLS_CERTIFICATE", "set both, or neither"),
        (SASL | {"NOVA_KAFKA_SECURITY_PROTOCOL": "tls"}, "NOVA_KAFKA_SECURITY_PROTOCOL", "sasl_ssl"),
        (SASL | {"NOVA_KAFKA_SASL_MECHANISM": "GSSAPI"}, "NOVA_KAFKA_SASL_MECHANISM", "SCRAM-SHA-512"),
    ],
)  # fmt: skip
def test_c3_what_contradicts_itself_is_refused(knobs: dict[str, str], variable: str, fix: str) -> None:
    with pytest.raises(BadConfig, match=fix) as refused:
        load(knobs)
    assert refused.value.variable == variable
    assert "s3cret" not in refused.value.message


def test_c3_production_shows_no_password_to_the_wire() -> None:
    bare = {
        **PRODUCTION,
        **SASL,
        "NOVA_KAFKA_REPLICATION": "3",
        "NOVA_KAFKA_SECURITY_PROTOCOL": "sasl_plaintext",
    }
    with pytest.raises(BadConfig, match="PLAIN shows the password"):
        load({**bare, "NOVA_KAFKA_SASL_MECHANISM": "PLAIN"})
    assert load(bare).kafka.protocol is Protocol.SASL_PLAINTEXT


def test_c4_the_password_is_masked() -> None:
    rows = {row.variable: row.value for row in describe(load(SASL))}
    assert (rows["NOVA_KAFKA_SASL_USER"], rows["NOVA_KAFKA_SASL_PASSWORD"]) == ("nova", "***")


def test_what_a_client_is_told() -> None:
    assert security().options() == {"security_protocol": "PLAINTEXT"}
    told = load(SASL).kafka.options()
    assert told.pop("ssl_context").check_hostname
    assert told == {
        "security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "nova", "sasl_plain_password": "s3cret",
    }  # fmt: skip
    plain = security(
        **SIGN_IN, NOVA_KAFKA_SECURITY_PROTOCOL="sasl_plaintext", NOVA_KAFKA_SASL_MECHANISM="PLAIN"
    )
    assert plain.options()["sasl_mechanism"] == Mechanism.PLAIN
    assert "ssl_context" not in plain.options()


def test_files_are_read_when_a_client_is_made(tmp_path: Path) -> None:
    mutual = security(
        NOVA_KAFKA_SECURITY_PROTOCOL="ssl",
        NOVA_KAFKA_TLS_CA=str(tmp_path / "ca.crt"),
        NOVA_KAFKA_TLS_CERTIFICATE=str(tmp_path / "nova" / "tls.crt"),
        NOVA_KAFKA_TLS_KEY=str(tmp_path / "nova" / "tls.key"),
    )
    with pytest.raises(BadConfig, match="NOVA_KAFKA_TLS_CA"):
        Cluster(bootstrap="kafka:9093", security=mutual).admin()
    authority = Authority.of(tmp_path)
    with pytest.raises(BadConfig, match="NOVA_KAFKA_TLS_CERTIFICATE"):
        mutual.options()
    authority.issue("nova")
    assert len(mutual.options()["ssl_context"].get_ca_certs()) == 1


def test_a_process_that_is_told_by_a_file_has_them_too(tmp_path: Path) -> None:
    engines = {
        "NOVA_POSTGRES_URL": "postgresql://db",
        "NOVA_REDIS_URL": "redis://r",
        "NOVA_DATA": str(tmp_path),
    }
    config = load({**SASL, **engines})
    kafka = of_config(config, ("feed",)).kafka
    assert kafka is not None
    assert kafka.security == {**SIGN_IN, "NOVA_KAFKA_SECURITY_PROTOCOL": "sasl_ssl"}
    assert read(KafkaSecurity, kafka.security) == config.kafka
    assert spelt(KafkaSecurity()) == {"NOVA_KAFKA_SECURITY_PROTOCOL": "plaintext"}
    assert Sources.restored({"room_dsns": {}, "outbox_dsns": {}, "log_dsn": "", "redis_url": "", "kafka": {
        "bootstrap": kafka.bootstrap, "security": dict(kafka.security)}}).kafka == kafka  # fmt: skip
