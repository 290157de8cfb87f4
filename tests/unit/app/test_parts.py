"""A process is given what its part reads: its own secrets, no rights over PostgreSQL, a port for its metrics."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from nova.app import rooms
from nova.app.authority import issue_all
from nova.app.callers import GATEWAY
from nova.app.ground import Ground
from nova.app.processes import RELAY, environment_of, metrics_port_of, metrics_ports, parts_of
from nova.platform.config import ROOMS as EVERY_ROOM
from nova.platform.config import Config
from nova.platform.configure import load
from nova.platform.knobs import BadConfig, knobs_of

RUN = Path("/run/nova")
BOSS = "the-administrators-password"
PLACE = "postgresql://db:5432/postgres"
OWN = {
    "NOVA_SECRET": ("a-secret-for-the-cursors-of-the-gateway", GATEWAY),
    "NOVA_IDENTITY_KEK": ("a-key-that-seals-the-keys-of-identity", "identity"),
    "NOVA_SMTP_URL": ("smtp://nova:mail-pw@mail.example.org", "identity"),
    "NOVA_NEO4J_URL": ("neo4j://nova:graph-pw@graph.example.org", "graph"),
    "NOVA_S3_URL": ("https://s3.example.org/pictures", GATEWAY),
    "NOVA_S3_ACCESS_KEY": ("an-access-key", GATEWAY),
    "NOVA_S3_SECRET_KEY": ("the-key-of-the-bucket", GATEWAY),
}
GIVEN = {
    **{name: value for name, (value, _) in OWN.items()},
    "NOVA_POSTGRES_URL": f"postgresql://boss:{BOSS}@db:5432/postgres",
    "NOVA_POSTGRES_REPLICA_URL": f"postgresql://db:5432/postgres?user=boss&password={BOSS}",
    "NOVA_REDIS_URL": "redis://cache",
    "NOVA_MAIL_FROM": "no-reply@example.org",
}


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, str]]:
    certificates = tmp_path_factory.mktemp("certificates")
    issue_all(certificates)
    return {part.name: part.environment for part in parts_of(load(GIVEN), GIVEN, certificates, RUN)}


@pytest.mark.parametrize("part", [*rooms.ROOMS, RELAY, GATEWAY])
def test_c4_a_part_has_its_own_secrets_alone(
    environments: Mapping[str, Mapping[str, str]], part: str
) -> None:
    environment = environments[part]
    for variable, (value, reader) in OWN.items():
        assert environment.get(variable) == (value if part == reader else None)
    assert environment["NOVA_POSTGRES_URL"] == environment["NOVA_POSTGRES_REPLICA_URL"] == PLACE
    assert BOSS not in " ".join(environment.values())
    load(environment)


def test_c4_what_is_named_by_files_reaches_the_parts(tmp_path: Path) -> None:
    """Also where a part is told another place than the file says: of the two variables one remains."""
    environ = {"NOVA_POSTGRES_URL_FILE": str(tmp_path / "url"), "NOVA_SECRET_FILE": str(tmp_path / "secret")}
    (tmp_path / "url").write_text(GIVEN["NOVA_POSTGRES_URL"])
    (tmp_path / "secret").write_text(f"{GIVEN['NOVA_SECRET']}\n")
    engines = SimpleNamespace(postgres_dsn=lambda: PLACE, redis_url="redis://cache")
    below = cast("Ground", SimpleNamespace(engines=engines))
    told = environment_of(load(environ), below, environ)
    assert (told["NOVA_POSTGRES_URL"], told["NOVA_SECRET"]) == (PLACE, GIVEN["NOVA_SECRET"])
    load(told)


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ({"NOVA_METRICS_PORT": "9000"}, 9000),
        ({"NOVA_GRPC_PORT_BASE": "9000"}, 9000 + 2 * len(EVERY_ROOM) + 1),
    ],
    ids=["where they are wanted", "above the ports of the rooms"],
)
def test_no_two_parts_are_asked_how_they_are_at_one_port(
    tmp_path: Path, given: Mapping[str, str], base: int
) -> None:
    issue_all(tmp_path)
    parts = parts_of(load({**GIVEN, **given}), {**GIVEN, **given}, tmp_path, RUN)
    told = [
        int(variables["NOVA_METRICS_PORT"])
        for part in parts
        for variables in (part.environment, part.moved)
        if variables is not None
    ]
    assert len(told) == len(set(told)) == 2 * len(parts) - 1, "the gateway has no replacement"
    assert set(told) < set(range(base, base + metrics_ports()))
    assert told[0] == metrics_port_of(base, rooms.ROOMS[0])


@pytest.mark.parametrize(
    ("knob", "value"), [("NOVA_METRICS_PORT", 65535), ("NOVA_GRPC_PORT_BASE", 65535 - 2 * len(EVERY_ROOM))]
)
def test_c3_there_are_ports_for_all_parts(tmp_path: Path, knob: str, value: int) -> None:
    issue_all(tmp_path)
    given = {**GIVEN, knob: str(value)}
    with pytest.raises(BadConfig, match="NOVA_METRICS_PORT"):
        parts_of(load(given), given, tmp_path, RUN)


def test_knobs_name_parts_that_there_are() -> None:
    for section in Config.__dataclass_fields__.values():
        for _, _, spec in knobs_of(section.default_factory):  # type: ignore[arg-type]
            assert spec.parts <= {*rooms.ROOMS, RELAY, GATEWAY}, spec.variable
