"""The workflows of GitHub: what they run is pinned, and what deploys is cancelled by nothing that tests."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.deploy.chart import CHART, ROOMS, ROOT, VALUES

WORKFLOWS = ROOT / ".github" / "workflows"
FILES = sorted(WORKFLOWS.glob("*.yml"))
# A tag can be moved to other code, so an action is named by its commit, with the version for those who read.
PINNED = re.compile(r"(\./\.github/workflows/\w+\.yml|[\w.-]+(/[\w.-]+)+@[0-9a-f]{40} # v?\d+\.\d+\.\d+)")

each_file = pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)


def parsed(file: Path) -> dict[Any, Any]:
    workflow: dict[Any, Any] = yaml.safe_load(file.read_text())
    return workflow


def branches(file: Path) -> set[str]:
    """Whose pushes start a workflow. YAML 1.1 reads the key `on` as true."""
    return set(parsed(file)[True].get("push", {}).get("branches", ()))


def steps(file: Path) -> list[dict[str, Any]]:
    return [step for job in parsed(file)["jobs"].values() for step in job.get("steps", ())]


@each_file
def test_every_action_is_pinned_to_a_commit(file: Path) -> None:
    used = re.findall(r"uses: (.+)", file.read_text())
    assert used
    assert [one for one in used if not PINNED.fullmatch(one)] == []


@pytest.mark.parametrize(
    "moving",
    ["actions/checkout@v5", "aquasecurity/trivy-action@0.33.1", f"actions/checkout@{'a' * 40}", "x/y@main"],
)
def test_the_reading_of_pins_finds_what_can_move(moving: str) -> None:
    assert not PINNED.fullmatch(moving)


@each_file
def test_what_is_downloaded_is_checked(file: Path) -> None:
    fetching = [step["run"] for step in steps(file) if "curl" in step.get("run", "")]
    assert [command for command in fetching if "sha256sum --check" not in command] == []


def test_a_push_starts_one_workflow() -> None:
    """Two would run the tests twice, and share the group in which the later one cancels the one that waits."""
    started = [branch for file in FILES for branch in branches(file)]
    assert sorted(started) == sorted(set(started))
    assert {"main", "develop"} <= set(started)


def test_what_takes_a_release_back_is_cut_by_nothing() -> None:
    """The job may take longer than its steps may wait. Helm's bound is that of each wait: its hook's, and the pods'."""
    roll = parsed(WORKFLOWS / "release.yml")["jobs"]["roll"]
    waits = {step["name"]: step["run"] for step in roll["steps"] if "--timeout" in step.get("run", "")}
    minutes = {name: int(re.findall(r"--timeout (\d+)m", run)[0]) for name, run in waits.items()}
    hooks = sum(minutes[name] for name, run in waits.items() if "helm upgrade" in run)
    assert len(waits) == 3
    assert sum(minutes.values()) + hooks < roll["timeout-minutes"]


def test_a_canary_that_nobody_waited_for_is_taken_back_too() -> None:
    """GitHub skips a step of a job that is stopped, unless the step says that it always runs."""
    (back,) = (step for step in steps(WORKFLOWS / "release.yml") if "helm rollback" in step.get("run", ""))
    assert back["if"].startswith("always() && ")
    assert set(re.findall(r"steps\.canary\.outcome == '(\w+)'", back["if"])) == {"failure", "cancelled"}


def test_a_canary_is_waited_for_until_its_last_step() -> None:
    (canary,) = (step for step in steps(WORKFLOWS / "release.yml") if step.get("id") == "canary")
    waited = re.findall(r"--timeout (\d+)m", canary["run"])
    watched = re.findall(r"pause: \{duration", (CHART / "templates" / "canary.yaml").read_text())
    assert int(waited[0]) > len(watched) * int(VALUES["canary"]["pause"].removesuffix("m"))


def release() -> dict[str, Any]:
    jobs: dict[str, Any] = parsed(WORKFLOWS / "release.yml")["jobs"]
    return jobs


def position(of: str) -> int:
    """Return which step of the release's image job does something, by its action or its command."""
    (found,) = (
        at
        for at, step in enumerate(release()["image"]["steps"])
        if of in step.get("uses", "") or of in step.get("run", "")
    )
    return found


def test_an_image_is_built_once_and_what_was_checked_is_what_rolls() -> None:
    """Also between staging and production: the same bytes, not the same sources."""
    steps, pushed = release()["image"]["steps"], "@${{ steps.push.outputs.digest }}"
    build, check, scan = position("build-push-action"), position("check.sh"), position("trivy-action")
    sign = position("cosign sign")
    assert build < check < sign
    assert build < scan < sign
    assert {steps[at]["if"] for at in (build, check, scan, sign)} == {"inputs.environment == 'staging'"}
    assert pushed in steps[check]["run"]
    assert pushed in steps[sign]["run"]
    assert steps[scan]["with"]["image-ref"].endswith(pushed)
    assert steps[scan]["with"]["exit-code"] == "1"
    rolled = [step["run"] for step in release()["roll"]["steps"] if "helm upgrade" in step.get("run", "")]
    assert "image.digest=${{ needs.image.outputs.digest }}" in rolled[0]


def test_production_takes_what_staging_ran() -> None:
    named = release()["staged"]
    (name,) = (step["run"] for step in named["steps"] if "imagetools create" in step.get("run", ""))
    found = release()["image"]["steps"][position("imagetools inspect")]
    tag = "$IMAGE:staged-${{ github.sha }}"
    assert tag in name
    assert tag in found["run"]
    assert found["if"] == "inputs.environment == 'production'"
    assert "cosign verify" in found["run"]
    assert "roll" in named["needs"]
    assert named["if"] == "inputs.environment == 'staging'"


def test_an_image_is_checked_at_the_ports_of_the_chart() -> None:
    script = (ROOT / "deploy" / "images" / "check.sh").read_text()
    assert dict(re.findall(r"(\w+):(\d+)", re.findall(r"rooms=\((.*)\)", script)[0])) == {
        name: str(room["port"]) for name, room in ROOMS.items()
    }
