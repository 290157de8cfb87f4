"""The chart: its values as they are written, and its objects as Helm renders them."""

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
CHART = ROOT / "deploy" / "kubernetes" / "nova"
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
ROOMS: dict[str, Any] = VALUES["rooms"]

# `make manifests` puts Helm there, and runs these tests with it.
HELM = shutil.which("helm", path=ROOT / "tools" / "bin") or shutil.which("helm")

needs_helm = pytest.mark.skipif(HELM is None, reason="Helm is not here: `make manifests` fetches it")


@cache
def rendered(*options: str) -> tuple[dict[str, Any], ...]:
    """Return the objects of the chart, with the options of `helm template`."""
    told = _template(*options)
    assert told.returncode == 0, told.stderr
    return tuple(found for found in yaml.safe_load_all(told.stdout) if found)


def refusal(*options: str) -> str:
    """Return why the chart is not rendered with some options."""
    told = _template(*options)
    assert told.returncode != 0
    return told.stderr


def _template(*options: str) -> "subprocess.CompletedProcess[str]":
    always = ("--set", "image.tag=check", "--kube-version", "1.33")
    command = (str(HELM), "template", "nova", str(CHART), *always, *options)
    return subprocess.run(command, capture_output=True, text=True, check=False)


def of_kind(kind: str, *options: str) -> dict[str, dict[str, Any]]:
    """Return the objects of a kind by their names."""
    return {found["metadata"]["name"]: found for found in rendered(*options) if found["kind"] == kind}


def pods(*options: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield each object that makes pods, and the template of these."""
    for found in rendered(*options):
        if found["kind"] in {"Deployment", "Job"}:
            yield found, found["spec"]["template"]


def secrets_of(pod: dict[str, Any]) -> set[str]:
    """Return the names of the secrets without which a pod does not start."""
    spec = pod["spec"]
    mounted = {volume["secret"]["secretName"] for volume in spec["volumes"] if "secret" in volume}
    read = {
        source["secretRef"]["name"]
        for container in spec["containers"]
        for source in container.get("envFrom", ())
    }
    return mounted | read


def environment_of(pod: dict[str, Any]) -> dict[str, str]:
    """Return the variables that the first container of a pod is given by value."""
    return {
        one["name"]: one["value"] for one in pod["spec"]["containers"][0].get("env", ()) if "value" in one
    }


def is_hook(found: dict[str, Any]) -> bool:
    """Whether Helm makes an object before its ordinary ones."""
    return "helm.sh/hook" in found["metadata"].get("annotations", {})


def container_of(deployment: str) -> dict[str, Any]:
    """Return the only container of a deployment."""
    found: dict[str, Any]
    (found,) = of_kind("Deployment")[deployment]["spec"]["template"]["spec"]["containers"]
    return found


def marks(*options: str) -> dict[str, dict[str, str]]:
    """Return the annotations of all pods that stay: where one differs they are replaced."""
    return {
        found["metadata"]["name"]: pod["metadata"]["annotations"]
        for found, pod in pods(*options)
        if not is_hook(found)
    }


def roles_in(pod: dict[str, Any]) -> set[str] | None:
    """Return the roles of PostgreSQL whose passwords a pod sees; None for those of all."""
    (volume,) = [volume["secret"] for volume in pod["volumes"] if volume["name"] == "roles"]
    assert volume["secretName"] == VALUES["secrets"]["roles"]
    return {item["key"] for item in volume["items"]} if "items" in volume else None
