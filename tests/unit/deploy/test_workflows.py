"""The workflows of GitHub: what they run is pinned, and what deploys is cancelled by nothing that tests."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

WORKFLOWS = Path(__file__).parents[3] / ".github" / "workflows"
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
