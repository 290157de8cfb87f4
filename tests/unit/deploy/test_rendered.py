"""What the chart makes of its values. Skipped where there is no Helm; `make manifests` runs it with one."""

from typing import Any

from nova.app import rooms
from tests.unit.deploy.chart import ROOT, VALUES, needs_helm, of_kind, pods, rendered, secrets_of

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


def test_no_hook_waits_for_what_the_chart_makes_after_it() -> None:
    hooks = [pod for found, pod in pods() if is_hook(found)]
    assert hooks
    assert all(not secrets_of(pod) & made() for pod in hooks)


def test_every_certificate_is_somebodys() -> None:
    mounted = {secret for _, pod in pods() for secret in secrets_of(pod)}
    certificates = {found["spec"]["secretName"] for found in rendered() if found["kind"] == "Certificate"}
    assert certificates
    assert certificates <= mounted


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
        others = {"migrate": None, "relay": None, "gateway": {"nova_log"}}
        assert roles_in(found[part]) == others.get(part, {f"nova_{part}", "nova_log"})


def roles_in(pod: dict[str, Any]) -> set[str] | None:
    """Return the roles of PostgreSQL whose passwords a pod sees; None for those of all."""
    (volume,) = [volume["secret"] for volume in pod["volumes"] if volume["name"] == "roles"]
    assert volume["secretName"] == VALUES["secrets"]["roles"]
    return {item["key"] for item in volume["items"]} if "items" in volume else None
