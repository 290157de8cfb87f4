"""What the chart makes of its values. Skipped where there is no Helm; `make manifests` runs it with one."""

from pathlib import PurePosixPath
from typing import Any

import pytest

from nova.app import rooms
from nova.app.callers import GATEWAY
from nova.platform.config import Config, Environment
from nova.platform.configure import environ_for, load, require_own
from nova.platform.rpc.peers import host_of, id_of
from tests.unit.deploy.chart import (
    CHART,
    ROOMS,
    ROOT,
    VALUES,
    container_of,
    environment_of,
    is_hook,
    marks,
    needs_helm,
    of_kind,
    pods,
    rendered,
    roles_in,
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
    "NOVA_S3_URL": "https://s3.eu-central-1.amazonaws.com/nova",
    "NOVA_S3_ACCESS_KEY": "nova",
    "NOVA_S3_SECRET_KEY": "secret of tests",
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


def test_a_room_answers_in_its_pod_for_what_it_holds_and_no_other_process_seems_to() -> None:
    for found, pod in pods():
        told = environment_of(pod).get("NOVA_CONTROL")
        mounts = pod["spec"]["containers"][0].get("volumeMounts", ())
        writable = [mount["mountPath"] for mount in mounts if not mount.get("readOnly")]
        if found["metadata"]["name"].removeprefix("nova-") in rooms.ROOMS:
            assert told is not None
            assert str(PurePosixPath(told).parent) in writable
        else:
            assert told is None


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


def test_what_is_not_made_here_is_listed_as_needed() -> None:
    head = (CHART / "values.yaml").read_text().partition("image:")[0]
    (ingress,) = of_kind("Ingress").values()
    public = {entry["secretName"] for entry in ingress["spec"]["tls"]}
    needed = {secret for _, pod in pods() for secret in secrets_of(pod)} - made() | public
    named = {VALUES["kafkaAuthoritySecret"], *VALUES["secrets"]["own"].values()}
    named |= {VALUES["secrets"][kind] for kind in ("shared", "roles")}
    assert {secret for secret in needed - named if f"`{secret}`" not in head} == set()


def test_a_registry_may_ask_who_pulls() -> None:
    for _, pod in pods("--set", "image.pullSecrets={registry}"):
        own = pod["metadata"]["labels"]["app.kubernetes.io/component"] != "pgbouncer"
        assert pod["spec"].get("imagePullSecrets") == ([{"name": "registry"}] if own else None)


def test_only_who_tells_metrics_has_a_port_for_them() -> None:
    for found, pod in pods():
        (container,) = pod["spec"]["containers"]
        telling = "metrics" in {port["name"] for port in container.get("ports", ())}
        assert telling == (found["metadata"]["name"] not in {"nova-migrate", "nova-pgbouncer"})


@pytest.mark.parametrize(
    ("image", "version"),
    [("tag=v1.2.3", "v1.2.3"), (f"tag=,image.digest=sha256:{64 * 'a'}", "sha256-aaaaaaaaaaaa")],
)
def test_a_label_says_what_runs(image: str, version: str) -> None:
    for _, pod in pods("--set", f"image.{image}"):
        labels = pod["metadata"]["labels"]
        ours = labels["app.kubernetes.io/component"] != "pgbouncer"
        assert labels.get("app.kubernetes.io/version") == (version if ours else None)


def test_a_release_of_nova_leaves_the_pooler_as_it_is() -> None:
    def pooler(tag: str) -> dict[str, Any]:
        spec: dict[str, Any] = of_kind("Deployment", "--set", f"image.tag={tag}")["nova-pgbouncer"]["spec"]
        return spec

    assert pooler("v1") == pooler("v2")


def test_engines_are_asked_for_certificates_of_authorities_that_are_given() -> None:
    given = ("--set", "engineAuthorities=engines")
    for found, pod in pods(*given):
        (volume,) = (one for one in pod["spec"]["volumes"] if one["name"] == "engine-authorities")
        assert volume["configMap"] == {"name": "engines"}
        (mount,) = (
            one for one in pod["spec"]["containers"][0]["volumeMounts"] if one["name"] == "engine-authorities"
        )
        assert f"{mount['mountPath']}/ca.crt" in (CHART / "values.yaml").read_text(), found
    told = of_kind("ConfigMap", *given)["nova-pgbouncer"]["data"]["pgbouncer.ini"]
    assert "server_tls_sslmode = verify-full\nserver_tls_ca_file = /etc/nova/engines/ca.crt" in told
    assert "server_tls" not in of_kind("ConfigMap")["nova-pgbouncer"]["data"]["pgbouncer.ini"]
    assert marks(*given)["nova-pgbouncer"] != marks()["nova-pgbouncer"]


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
