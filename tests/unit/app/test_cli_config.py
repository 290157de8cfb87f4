"""`nova config`, and how every command meets a configuration that cannot be."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import get_args

from nova.platform.config import Config
from nova.platform.engine_knobs import BucketUrl
from nova.platform.knobs import Secret, Url, knobs_of
from nova.platform.mail.knobs import SiteUrl
from tests.unit.app.commands import Commands

SECRET = "a-secret-that-nobody-must-ever-get-to-see"


async def test_every_knob_is_explained(nowhere: Commands) -> None:
    shown = await nowhere("config", NOVA_PORT="9000")
    assert shown.code == 0
    assert "NOVA_PORT = 9000  (default 8080)" in shown.out
    assert "The port on which the gateway listens" in shown.out


async def test_for_scripts_it_is_json(nowhere: Commands) -> None:
    rows = {row["variable"]: row for row in json.loads((await nowhere("config", "--json")).out)}
    assert rows["NOVA_WORLD"]["default"] == "small"
    assert rows["NOVA_DATA"]["value"] == str(nowhere.data)
    assert all(row["sentence"] for row in rows.values())


async def test_c4_secrets_are_masked(nowhere: Commands) -> None:
    """Of every knob that may hold one: a URL its password, anything else itself."""
    hidden = dict(secret_knobs())
    assert {"NOVA_SECRET", "NOVA_POSTGRES_URL", "NOVA_OTLP_ENDPOINT"} <= hidden.keys()
    beside = {
        "NOVA_S3_URL": "https://s3.example.org/pictures",
        "NOVA_KAFKA_BOOTSTRAP": "kafka:9092",
        "NOVA_KAFKA_SECURITY_PROTOCOL": "sasl_ssl",
        "NOVA_KAFKA_SASL_USER": "nova",
    }
    shown = await nowhere("config", **beside, **hidden, NOVA_MAIL_FROM="no-reply@nova.example")
    assert shown.code == 0, shown.err
    assert SECRET not in shown.out
    for variable, text in hidden.items():
        masked = "***" if text == SECRET else text.replace(SECRET, "***")
        assert f"{variable} = {masked}" in shown.out


def secret_knobs() -> Iterator[tuple[str, str]]:
    """Yield each variable that may hold a secret, and such a value; URLs of sites and buckets refuse users."""
    for section in Config.__dataclass_fields__.values():
        for _, kind, spec in knobs_of(section.default_factory):  # type: ignore[arg-type]
            for option in get_args(kind) or (kind,):
                if option in {SiteUrl, BucketUrl}:
                    continue
                if issubclass(option, Url):
                    yield spec.variable, f"{option.schemes[0]}://nova:{SECRET}@host/nova"
                elif issubclass(option, Secret):
                    yield spec.variable, SECRET


async def test_c3_an_unknown_variable_ends_every_command(nowhere: Commands) -> None:
    for command in (("config",), ("status",), ("up",), ("events", "dlq"), ("bench", "run", "tour")):
        refused = await nowhere(*command, NOVA_PROT="9000")
        assert (refused.code, refused.out) == (2, "")
        assert "did you mean NOVA_PORT?" in refused.err
    assert not nowhere.data.exists()


async def test_c3_development_habits_end_production(nowhere: Commands) -> None:
    engines = {"NOVA_POSTGRES_URL": "postgresql://db/nova", "NOVA_REDIS_URL": "redis://cache"}
    mail = {
        "NOVA_SMTP_URL": "smtp://mail",
        "NOVA_MAIL_FROM": "a@nova.example",
        "NOVA_PUBLIC_URL": "https://nova.example",
    }
    refused = await nowhere("up", NOVA_ENVIRONMENT="production", **engines, **mail)
    assert refused.code == 2
    assert "openssl rand -hex 32" in refused.err


async def test_a_process_of_its_own_needs_the_url_of_its_engine(nowhere: Commands) -> None:
    refused = await nowhere("serve", "feed")
    assert refused.code == 2
    assert "NOVA_POSTGRES_URL" in refused.err


def test_help_imports_nothing_that_takes_time() -> None:
    program = "import sys, nova.app.cli; print(*(name.partition('.')[0] for name in sys.modules))"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not set(shown.stdout.split()) & {"asyncpg", "grpc", "numpy", "strawberry", "structlog", "uvloop"}
