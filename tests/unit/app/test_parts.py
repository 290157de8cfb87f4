"""A process is given what its part reads: its own secrets, no rights over PostgreSQL, a port for its metrics."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from nova.app import rooms
from nova.app.authority import issue_all
from nova.app.callers import GATEWAY
from nova.app.processes import RELAY, metrics_port_of, metrics_ports, parts_of
from nova.platform.config import Config
from nova.platform.configure import load
from nova.platform.knobs import knobs_of

BOSS = "the-administrators-password"
PLACE = "postgresql://db:5432/postgres"
OWN = {
    "NOVA_SECRET": ("a-secret-for-the-cursors-of-the-gateway", GATEWAY),
    "NOVA_IDENTITY_KEK": ("a-key-that-seals-the-keys-of-identity", "identity"),
    "NOVA_SMTP_URL": ("smtp://nova:mail-pw@mail.example.org", "identity"),
    "NOVA_NEO4J_URL": ("neo4j://nova:graph-pw@graph.example.org", "graph"),
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
    return {part.name: part.environment for part in parts_of(load(GIVEN), GIVEN, certificates)}


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


def test_no_two_parts_have_their_metrics_at_one_port(tmp_path: Path) -> None:
    issue_all(tmp_path)
    given = {**GIVEN, "NOVA_METRICS_PORT": "9000"}
    parts = parts_of(load(given), given, tmp_path)
    told = [
        int(variables["NOVA_METRICS_PORT"])
        for part in parts
        for variables in (part.environment, part.moved)
        if variables is not None
    ]
    assert len(told) == len(set(told)) == 2 * len(parts) - 1, "the gateway has no replacement"
    assert set(told) < set(range(9000, 9000 + metrics_ports()))
    assert told[0] == metrics_port_of(9000, rooms.ROOMS[0])


def test_where_nobody_wants_metrics_no_port_is_told(
    environments: Mapping[str, Mapping[str, str]],
) -> None:
    assert not any("NOVA_METRICS_PORT" in environment for environment in environments.values())


def test_knobs_name_parts_that_there_are() -> None:
    for section in Config.__dataclass_fields__.values():
        for _, _, spec in knobs_of(section.default_factory):  # type: ignore[arg-type]
            assert spec.parts <= {*rooms.ROOMS, RELAY, GATEWAY}, spec.variable
