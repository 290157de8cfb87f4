"""PgBouncer as the chart makes it: whose connections and passwords it has, and when it is replaced."""

import re

import pytest

from nova.app import rooms
from nova.app.callers import GATEWAY
from nova.platform.db.database import DatabaseConfig
from tests.unit.deploy.chart import (
    CHART,
    ROOT,
    VALUES,
    container_of,
    marks,
    needs_helm,
    of_kind,
    refusal,
    roles_in,
)

pytestmark = needs_helm


def test_a_pooler_that_ends_lets_transactions_end() -> None:
    spec = of_kind("Deployment")["nova-pgbouncer"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    hook = container["lifecycle"]["preStop"]["exec"]["command"][-1]
    before_s, signal, after_s = (step.split() for step in hook.split(";"))
    assert signal == ["kill", "-INT", "1"]
    # The longest that PostgreSQL lets a transaction idle, which no signal may cut before.
    assert int(after_s[1]) > 30
    assert int(before_s[1]) + int(after_s[1]) < spec["terminationGracePeriodSeconds"]


def at_once(name: str) -> int:
    """Return how many pods of a deployment there may be: in a roll-out some have come and as many are going."""
    found = of_kind("Deployment")[name]["spec"]
    surge: int = found["strategy"]["rollingUpdate"]["maxSurge"]
    assert found["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    rollout, scaled = of_kind("Rollout").get(name), of_kind("ScaledObject").get(name)
    if rollout is not None:  # A canary of all before those go that it replaces.
        return 2 * int(rollout["spec"]["replicas"])
    most: int = found["replicas"] if scaled is None else scaled["spec"]["maxReplicaCount"]
    return most + 2 * surge


def test_postgresql_has_a_connection_for_everybody() -> None:
    parts = {part: at_once(f"nova-{part}") for part in (*rooms.ROOMS, GATEWAY, "relay", "pgbouncer")}
    told = of_kind("ConfigMap")["nova-pgbouncer"]["data"]["pgbouncer.ini"]
    in_a_copy = [int(line.split(" = ")[1]) for line in told.splitlines() if "max_db_connections = " in line]
    pooled = parts.pop("pgbouncer") * in_a_copy[-1]
    outboxes = parts["relay"] * len(rooms.ROOMS)
    # Beside bells: migrations, and what PostgreSQL keeps for its administrators.
    everybodys = sum(parts.values()) + outboxes + pooled + 2 + 3
    assert everybodys <= VALUES["pgbouncer"]["maxConnections"]
    at_replica = DatabaseConfig(room="feed", dsn="").replica_pool_size
    rooms_processes = sum(parts[room] for room in rooms.ROOMS)
    needed = re.search(r"it needs (\d+), for each", (CHART / "values.yaml").read_text())
    assert needed is not None
    assert rooms_processes * at_replica <= int(needed[1])


def test_the_page_asks_the_pooler_where_it_answers() -> None:
    told = of_kind("ConfigMap")["nova-pgbouncer"]["data"]["pgbouncer.ini"]
    last = dict(line.split(" = ") for line in told.splitlines() if " = " in line and line[0] not in ";[")
    page = (ROOT / "docs" / "runbooks" / "PoolNearlyFull.md").read_text()
    assert f"psql -h {last['unix_socket_dir']} -p {last['listen_port']} -U pgbouncer pgbouncer" in page
    (mount,) = (
        mount
        for mount in container_of("nova-pgbouncer")["volumeMounts"]
        if mount["mountPath"] == last["unix_socket_dir"]
    )
    assert not mount.get("readOnly")


def test_more_than_postgresql_has_is_not_rendered() -> None:
    told = refusal("--set", "pgbouncer.maxConnections=270")
    assert "max_connections 271" in told
    assert refusal("--set", "rooms.content.replicas.most=60")


def test_c4_the_pooler_has_the_passwords_of_those_who_come_to_it() -> None:
    pod = of_kind("Deployment")["nova-pgbouncer"]["spec"]["template"]
    assert roles_in(pod["spec"]) == {f"nova_{room}" for room in rooms.ROOMS}


def test_other_passwords_replace_all_who_read_some() -> None:
    before, after = marks(), marks("--set", "secrets.rolesRevision=another")
    assert not [name for name, found in before.items() if found == after[name]]


@pytest.mark.parametrize(
    "change",
    ["postgres=elsewhere", "postgresPort=5433", "replicas=3", "serverConnections=64", "image=another"],
)
def test_a_pooler_is_replaced_when_what_it_reads_is_another(change: str) -> None:
    after = marks("--set", f"pgbouncer.{change}")
    changed = {name for name, found in marks().items() if found != after[name]}
    assert changed == {"nova-pgbouncer"}


def test_a_pooler_is_replaced_when_rooms_share_it_otherwise() -> None:
    fewer = marks("--set", "rooms.feed=null")
    assert fewer["nova-pgbouncer"] != marks()["nova-pgbouncer"]
