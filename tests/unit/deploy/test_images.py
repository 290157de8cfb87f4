"""Images: what they are built from, and what else the chart runs, are the same bytes tomorrow. None is built here."""

import re
import tomllib

import yaml

from tests.unit.deploy.chart import ROOT, VALUES

DOCKERFILE = (ROOT / "deploy" / "images" / "Dockerfile").read_text()
PINNED = re.compile(r"(?P<image>[a-z/]+):(?P<tag>\S*\d\S*)@sha256:[0-9a-f]{64}")


def bases() -> dict[str, str]:
    """The tags of what the image is built from, by name: each has to be pinned."""
    found = {}
    for base in re.findall(r"^(?:FROM |# syntax=)(\S+)", DOCKERFILE, re.MULTILINE):
        pinned = PINNED.fullmatch(base)
        assert pinned, base
        found[pinned["image"]] = pinned["tag"]
    return found


def test_an_image_is_built_from_the_same_bytes_each_time() -> None:
    assert {"golang", "rust", "debian"} <= set(bases())


def test_the_image_has_the_rust_that_all_is_tested_with() -> None:
    wanted = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["rust-version"]
    tested = re.findall(r"rust-toolchain@\S+ # (\S+)", (ROOT / ".github/workflows/ci.yml").read_text())
    rust = bases()["rust"].partition("-")[0]
    assert {rust} == set(tested)
    assert [*map(int, rust.split("."))] >= [*map(int, wanted.split("."))]


def test_the_pooler_is_the_one_that_developers_run() -> None:
    pooler = VALUES["pgbouncer"]["image"]
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert PINNED.fullmatch(pooler)
    assert pooler.partition("@")[0] == services["pgbouncer"]["image"].partition("@")[0]
