"""Renders the Helm chart as production and as staging have it, and checks every object against its schema.

Objects of Kubernetes are checked by kubernetes-validate, which carries their schemas; those of operators against the
definitions (CRDs) that the operators publish in their Go modules. An object that has no schema here is named.

    tools/manifests.py HELM
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

CHART = Path(__file__).parents[1] / "deploy" / "kubernetes" / "nova"
KUBERNETES = "1.33"
# Where each operator's definitions are in its module.
OPERATORS = {
    "github.com/argoproj/argo-rollouts@v1.8.3": "manifests/crds/*.yaml",
    "github.com/kedacore/keda/v2@v2.18.1": "config/crd/bases/*.yaml",
    "github.com/cert-manager/cert-manager@v1.19.1": "deploy/crds/*.yaml",
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": "example/prometheus-operator-crd/*_p*.yaml",
}


def main(helm: str) -> int:
    """Check both environments; return 1 when an object is wrong, or has no schema."""
    definitions = dict(defined())
    bad = 0
    for environment, values in (
        ("production", ()),
        ("staging", ("--values", str(CHART / "values-staging.yaml"))),
    ):
        objects = list(rendered(helm, *values))
        wrong = [sentence for found in objects if (sentence := fault(found, definitions))]
        print(f"{environment}: {len(objects)} objects, {len(wrong)} wrong", *wrong, sep="\n  ")
        bad += len(wrong)
    return 1 if bad else 0


def rendered(helm: str, *options: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of the chart."""
    command = [
        helm,
        "template",
        "nova",
        str(CHART),
        "--set",
        "image.tag=check",
        "--kube-version",
        KUBERNETES,
        *options,
    ]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    if told.returncode:
        sys.exit(told.stderr)
    yield from (found for found in yaml.safe_load_all(told.stdout) if found)


def defined() -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    """Yield (apiVersion, kind) and schema of every custom resource of the operators."""
    for module, files in OPERATORS.items():
        told = subprocess.run(
            ["go", "mod", "download", "-json", module], capture_output=True, text=True, check=False
        )
        if told.returncode:
            sys.exit(f"{module} cannot be had: {told.stderr or told.stdout}")
        for file in Path(json.loads(told.stdout)["Dir"]).glob(files):
            yield from definitions_in(file)


def definitions_in(file: Path) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    """Yield what a file of CustomResourceDefinitions defines."""
    for crd in yaml.safe_load_all(file.read_text()):
        if not crd or crd["kind"] != "CustomResourceDefinition":
            continue
        spec = crd["spec"]
        for version in spec["versions"]:
            api_version = f"{spec['group']}/{version['name']}"
            yield (api_version, spec["names"]["kind"]), closed(version["schema"]["openAPIV3Schema"])


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema in which a field that is not named is an error, as the API server would drop it in silence."""
    if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        schema.setdefault("additionalProperties", False)
    for inner in (
        *schema.get("properties", {}).values(),
        schema.get("items"),
        schema.get("additionalProperties"),
    ):
        if isinstance(inner, dict):
            closed(inner)
    if schema.pop("x-kubernetes-int-or-string", False):
        schema.pop("type", None)
        schema["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    if "pattern" in schema:
        # Go takes a flag anywhere, Python at the start.
        schema["pattern"] = re.sub(r"^\^\(\?i\)", "(?i)^", schema["pattern"])
    return schema


def fault(found: dict[str, Any], definitions: dict[tuple[str, str], dict[str, Any]]) -> str:
    """Return what is wrong with an object, or nothing."""
    kind, name = found["kind"], found["metadata"]["name"]
    schema = definitions.get((found["apiVersion"], kind))
    try:
        if schema is not None:
            jsonschema.validate(found, schema)
        else:
            kubernetes_validate.validate(found, KUBERNETES, strict=True)
    except (jsonschema.ValidationError, kubernetes_validate.ValidationError) as error:
        return f"{kind}/{name}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError:
        return f"{kind}/{name}: there is no schema of {found['apiVersion']} to check it by"
    return ""


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
