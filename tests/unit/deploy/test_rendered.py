"""What the chart makes of its values. Skipped where there is no Helm; `make manifests` runs it with one."""

import re
from pathlib import PurePosixPath
from typing import Any

import pytest

from nova.app import rooms
from nova.app.callers import GATEWAY
from nova.platform.config import Config, Environment
from nova.platform.configure import environ_for, load, require_own
from nova.platform.db.database import DatabaseConfig
from nova.platform.rpc.peers import host_of, id_of
from tests.unit.deploy.chart import (
    CHART,
    ROOMS,
    ROOT,
    VALUES,
    environment_of,
    needs_helm,
    of_kind,
    pods,
    refusal,
    rendered,
    secrets_of,
)
from tests.unit.deploy.test_manifests import callers

pytestmark = needs_helm


def made() -> set[str]:
    """The secrets that appear with the chart's ordinary objects: too late for a hook."""
    certificates = {found["spec"]["secretName"] for found in rendered() if found["kind"] == "Certificate"}
    return certificates | {
        found["metadata"]["name"]
        for found in rendered()
        if found["kind"] in {"Secret", "ExternalSecret"} and not is_hook(found)
    }


def is_hook(found: dict[str, Any]) -> bool:
    return "helm.sh/hook" in found["metadata"].get("annotations", {})


# As the comments of the values say whose they are.
SECRETS = {
    "NOVA_POSTGRES_URL": "postgresql://postgres-primary/nova",
    "NOVA_REDIS_URL": "rediss://redis",
    "NOVA_KAFKA_SASL_USER": "nova",
    "NOVA_KAFKA_SASL_PASSWORD": "secret of tests",
    "NOVA_IDENTITY_KEK": "k" * 32,
    "NOVA_SMTP_URL": "smtps://mail.example.org",
    "NOVA_SECRET": "s" * 32,
    "NOVA_NEO4J_URL": "neo4j+s://nova:secret@neo4j",
}
STAGING = ("--values", str(CHART / "values-staging.yaml"))
PARTS = (*rooms.ROOMS, GATEWAY, "relay", "migrate", "pgbouncer")


def selects(selector: dict[str, Any], component: str) -> bool:
    """Whether a selector of pods takes those of a component of Nova. It speaks of labels that these have."""
    labels = {"app.kubernetes.io/part-of": "nova", "app.kubernetes.io/component": component}
    taken = [labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()]
    for expression in selector.get("matchExpressions", ()):
        assert expression["operator"] == "In"
        taken.append(labels.get(expression["key"]) in expression["values"])
    return all(taken)


def ways(direction: str) -> set[tuple[str, str, int]]:
    """Who reaches whom within Nova at which port, as one end has it: `ingress` or `egress`."""
    peers = {"ingress": "from", "egress": "to"}[direction]
    found: set[tuple[str, str, int]] = set()
    for policy in of_kind("NetworkPolicy").values():
        for rule in policy["spec"].get(direction, ()):
            here = [part for part in PARTS if selects(policy["spec"]["podSelector"], part)]
            there = [
                part
                for part in PARTS
                for peer in rule[peers]
                if set(peer) == {"podSelector"} and selects(peer["podSelector"], part)
            ]
            ends = [(there, here), (here, there)][direction == "egress"]
            found |= {
                (source, target, port["port"])
                for source in ends[0]
                for target in ends[1]
                for port in rule["ports"]
            }
    return found


def test_nothing_comes_in_or_goes_out_that_no_policy_names() -> None:
    closed = of_kind("NetworkPolicy")["nova-closed"]["spec"]
    assert set(closed["policyTypes"]) == {"Ingress", "Egress"}
    assert all(selects(closed["podSelector"], part) for part in PARTS)
    (names,) = closed["egress"]
    assert {port["port"] for port in names["ports"]} == {53}


@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_parts_reach_those_whom_they_may_call_and_their_pooler(direction: str) -> None:
    calls = {(caller, room, ROOMS[room]["port"]) for room in rooms.ROOMS for caller in callers(room)}
    assert ways(direction) == calls | {(room, "pgbouncer", 6432) for room in rooms.ROOMS}


@pytest.mark.parametrize("engine", VALUES["network"]["engines"])
def test_an_engine_is_reached_by_those_who_use_it(engine: str) -> None:
    spec = of_kind("NetworkPolicy")[f"nova-to-{engine}"]["spec"]
    wanted = VALUES["network"]["engines"][engine]
    assert {part for part in PARTS if selects(spec["podSelector"], part)} == {*wanted.get("parts", PARTS)}
    (rule,) = spec["egress"]
    assert rule["to"] == wanted["to"]
    assert rule["ports"] == [{"protocol": "TCP", "port": wanted["port"]}]


@pytest.mark.parametrize("options", [(), STAGING], ids=["production", "staging"])
def test_a_room_whose_replicas_may_become_more_has_somebody_who_makes_them(options: tuple[str, ...]) -> None:
    deployments, scaled = of_kind("Deployment", *options), of_kind("ScaledObject", *options)
    for name in rooms.ROOMS:
        spec = deployments[f"nova-{name}"]["spec"]
        assert ("replicas" in spec) != (f"nova-{name}" in scaled)
    for found in scaled.values():
        assert found["spec"]["minReplicaCount"] < found["spec"]["maxReplicaCount"]
        assert "cpu" in {trigger["type"] for trigger in found["spec"]["triggers"]}
    assert scaled


def test_whatever_has_several_copies_keeps_most_of_them() -> None:
    assert {f"nova-{part}" for part in PARTS} - {"nova-migrate"} == set(of_kind("PodDisruptionBudget"))


def test_the_loss_of_a_machine_or_a_zone_takes_a_share_of_the_copies() -> None:
    for found in of_kind("Deployment").values():
        constraints = found["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert {one["topologyKey"] for one in constraints} == {
            "topology.kubernetes.io/zone",
            "kubernetes.io/hostname",
        }
        assert all(one["labelSelector"] == found["spec"]["selector"] for one in constraints)


def test_a_pooler_that_ends_lets_transactions_end() -> None:
    spec = of_kind("Deployment")["nova-pgbouncer"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    hook = container["lifecycle"]["preStop"]["exec"]["command"][-1]
    before_s, signal, after_s = (step.split() for step in hook.split(";"))
    assert signal == ["kill", "-INT", "1"]
    # The longest that PostgreSQL lets a transaction idle, which no signal may cut before.
    assert int(after_s[1]) > 30
    assert int(before_s[1]) + int(after_s[1]) < spec["terminationGracePeriodSeconds"]


def test_no_hook_waits_for_what_the_chart_makes_after_it() -> None:
    hooks = [pod for found, pod in pods() if is_hook(found)]
    assert hooks
    assert all(not secrets_of(pod) & made() for pod in hooks)


def test_every_certificate_is_somebodys() -> None:
    mounted = {secret for _, pod in pods() for secret in secrets_of(pod)}
    certificates = {found["spec"]["secretName"] for found in rendered() if found["kind"] == "Certificate"}
    assert certificates
    assert certificates <= mounted


@pytest.mark.parametrize("room", rooms.ROOMS)
def test_a_certificate_names_its_room_and_no_address(room: str) -> None:
    """Behind an address every part would pass for every room: so the probe says whom it expects there."""
    spec = of_kind("Certificate")[f"nova-{room}"]["spec"]
    assert spec["dnsNames"] == [host_of(room)]
    assert "ipAddresses" not in spec
    assert spec["uris"] == [id_of(room)]
    probe = container_of(f"nova-{room}")["readinessProbe"]["exec"]["command"]
    assert f"-tls-server-name={host_of(room)}" in probe


@pytest.mark.parametrize("part", [*rooms.ROOMS, GATEWAY])
def test_a_new_authority_is_trusted_before_it_issues(part: str) -> None:
    """The `ca.crt` beside a certificate is who issued it: trust in another has to be put elsewhere, for all."""
    pod = of_kind("Deployment", "--set", "certificates.trust=both")[f"nova-{part}"]["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    folders = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    trusted = PurePosixPath(environment_of(pod)["NOVA_TLS_CA"])
    (volume,) = (one for one in pod["spec"]["volumes"] if one["name"] == folders[str(trusted.parent)])
    assert volume["configMap"] == {"name": "both"}
    assert trusted.name == "ca.crt"
    if part != GATEWAY:
        assert f"-tls-ca-cert={trusted}" in container["readinessProbe"]["exec"]["command"]


def test_prometheus_knows_the_rules_and_where_their_pages_are() -> None:
    rule = of_kind("PrometheusRule")["nova"]
    alerts = [one for group in rule["spec"]["groups"] for one in group["rules"] if "alert" in one]
    source = VALUES["monitoring"]["source"]
    pages = [one["annotations"]["runbook_url"] for one in alerts]
    assert "PartMissing" in {one["alert"] for one in alerts}
    assert all(page.startswith(source) for page in pages)
    assert all((ROOT / page.removeprefix(source)).is_file() for page in pages)


def test_prometheus_finds_what_it_has_to_watch() -> None:
    monitor = of_kind("PodMonitor")["nova"]
    for found in (monitor, of_kind("PrometheusRule")["nova"]):
        assert found["metadata"]["labels"] == VALUES["monitoring"]["labels"]
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert {relabeling["targetLabel"] for relabeling in endpoint["relabelings"]} == {"component"}


@pytest.mark.parametrize("options", [(), STAGING], ids=["production", "staging"])
@pytest.mark.parametrize("part", [*rooms.ROOMS, GATEWAY, "relay", "migrate"])
def test_a_process_takes_what_it_is_told(part: str, options: tuple[str, ...]) -> None:
    (pod,) = (pod for found, pod in pods(*options) if found["metadata"]["name"] == f"nova-{part}")
    config = load({**environment_of(pod), **environ_for(part, SECRETS)})
    require_own(config, [part])
    assert config.server.environment is Environment.PRODUCTION
    assert (config.tls.files is None) == (part in {"relay", "migrate"})
    assert config.telemetry.otlp_endpoint


@pytest.mark.parametrize("options", [(), STAGING], ids=["production", "staging"])
def test_people_are_sent_to_the_place_that_wrote_to_them(options: tuple[str, ...]) -> None:
    (ingress,) = of_kind("Ingress", *options).values()
    (host,) = (rule["host"] for rule in ingress["spec"]["rules"])
    environment = environment_of(of_kind("Deployment", *options)["nova-identity"]["spec"]["template"])
    assert environment["NOVA_PUBLIC_URL"] == f"https://{host}"
    assert environment["NOVA_MAIL_FROM"].endswith(f"@{host}")


def test_the_gateway_believes_the_proxies_that_are_named() -> None:
    def trusted(*options: str) -> str:
        pod = of_kind("Deployment", *options)["nova-gateway"]["spec"]["template"]
        return environment_of(pod)["NOVA_TRUSTED_PROXIES"]

    assert trusted() == ",".join(VALUES["gateway"]["trustedProxies"])
    assert trusted("--set-json", "gateway.trustedProxies=[]") == ""


@pytest.mark.parametrize("part", [*rooms.ROOMS, GATEWAY, "relay"])
def test_a_process_that_waits_for_a_neighbour_is_not_killed(part: str) -> None:
    """Its own port opens when all is there; before that it lives, and only its metrics port says so."""
    (container,) = of_kind("Deployment")[f"nova-{part}"]["spec"]["template"]["spec"]["containers"]
    for probe in (container["startupProbe"], container["livenessProbe"]):
        assert probe["httpGet"] == {"path": "/livez", "port": "metrics"}
        assert probe["timeoutSeconds"] > 1
    assert "/livez" not in str(container["readinessProbe"])


SPARE_S = 10.0


def goes_on_s(pod: dict[str, Any]) -> int:
    """Return for how long a pod goes on when it is told to end, before its process hears of it."""
    hook = pod["spec"]["containers"][0].get("lifecycle", {}).get("preStop")
    if hook is None:
        return 0
    command, seconds = hook["exec"]["command"]
    assert command == "sleep"
    return int(seconds)


def test_a_process_that_ends_has_the_time_for_it() -> None:
    for found, pod in pods():
        if found["metadata"]["name"] != "nova-pgbouncer":
            assert (
                goes_on_s(pod) + Config().server.drain_s + SPARE_S
                <= pod["spec"]["terminationGracePeriodSeconds"]
            )


def test_the_gateway_takes_requests_until_everybody_knows_that_it_goes() -> None:
    pod = of_kind("Deployment")["nova-gateway"]["spec"]["template"]
    probe = pod["spec"]["containers"][0]["readinessProbe"]
    assert goes_on_s(pod) > probe["periodSeconds"] * probe["failureThreshold"]


def test_c4_a_process_is_given_its_own_secrets_alone() -> None:
    secrets = VALUES["secrets"]
    own, shared = secrets["own"], secrets["shared"]
    assert len({shared, secrets["roles"], *own.values()}) == len(own) + 2, "one secret for two is everybody's"
    found = {pod["metadata"]["labels"]["app.kubernetes.io/component"]: pod["spec"] for _, pod in pods()}
    for part in (*rooms.ROOMS, "gateway", "relay", "migrate"):
        (container,) = found[part]["containers"]
        named = [source["secretRef"]["name"] for source in container["envFrom"]]
        assert named == ([shared, own[part]] if part in own else [shared])
        assert not [variable for variable in container["env"] if "valueFrom" in variable]
        others = {"migrate": None, "gateway": {"nova_log"}}
        assert roles_in(found[part]) == others.get(part, {f"nova_{part}", "nova_log"})


def test_a_room_that_is_not_ready_is_asked_what_it_can_answer() -> None:
    services = of_kind("Service")
    kept = {name for name, found in services.items() if found["spec"].get("publishNotReadyAddresses")}
    assert kept == {f"nova-{room}" for room in rooms.ROOMS}
    assert all(services[name]["spec"]["clusterIP"] == "None" for name in kept)


def container_of(deployment: str) -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = of_kind("Deployment")[deployment]["spec"]["template"]["spec"]["containers"]
    return found


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


def test_what_is_mounted_follows_what_it_is_made_of() -> None:
    """A `subPath` stays as it was when the pod began."""
    mounts = [
        mount
        for _, pod in pods()
        for container in (*pod["spec"]["containers"], *pod["spec"].get("initContainers", ()))
        for mount in container["volumeMounts"]
    ]
    assert mounts
    assert not [mount for mount in mounts if "subPath" in mount]


def marks(*options: str) -> dict[str, dict[str, str]]:
    """Return the annotations of all pods that stay: where one differs they are replaced."""
    return {
        found["metadata"]["name"]: pod["metadata"]["annotations"]
        for found, pod in pods(*options)
        if not is_hook(found)
    }


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


def roles_in(pod: dict[str, Any]) -> set[str] | None:
    """Return the roles of PostgreSQL whose passwords a pod sees; None for those of all."""
    (volume,) = [volume["secret"] for volume in pod["volumes"] if volume["name"] == "roles"]
    assert volume["secretName"] == VALUES["secrets"]["roles"]
    return {item["key"] for item in volume["items"]} if "items" in volume else None
