"""The rules of the house that no tool knows: sizes, names, signposts."""

import ast
import re
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from nova.platform.events import Topic

ROOT = Path(__file__).parents[2]
ROOMS = sorted(path.parent for path in (ROOT / "nova/services").glob("*/wiring.py"))
MOST_LINES = 400
FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "misc", "lib"}
SIGNPOST_LINES = ("Owns", "Not")


def sources() -> Iterator[Path]:
    """Yield every file of the project that people write in Python or Rust."""
    listed = subprocess.run(
        ["git", "ls-files", "*.py", "*.rs"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    yield from (ROOT / name for name in listed if not name.startswith("nova/api/") and (ROOT / name).exists())


def topics_of(room: str) -> set[str]:
    """The topics that a room tells of or hears."""
    events = import_module(f"nova.services.{room}.events")
    return {value.name for value in vars(events).values() if isinstance(value, Topic)}


def test_no_file_is_longer_than_can_be_read() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources()
        if (lines := len(path.read_text().splitlines())) > MOST_LINES
    }
    assert not long, f"split by verb or noun: {long}"


def test_no_drawer_for_odds_and_ends() -> None:
    python = [path for path in sources() if path.suffix == ".py"]
    drawers = [path for path in python if FORBIDDEN_NAMES & {path.stem, path.parent.name}]
    assert not drawers, "name what it does instead"


def test_there_are_rooms() -> None:
    assert ROOMS


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_opens_with_its_signpost(room: Path) -> None:
    tree = ast.parse((room / "__init__.py").read_text())
    signpost = ast.get_docstring(tree) or ""
    assert len(tree.body) == 1, "a signpost holds no code"
    for line in SIGNPOST_LINES:
        assert re.search(rf"^{line}\s+\S", signpost, re.MULTILINE), f"the signpost does not say: {line}"


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_holds_its_core_files(room: Path) -> None:
    names = {path.stem for path in room.iterdir() if path.name != "__pycache__"}
    assert {"__init__", "model", "service", "server", "wiring"} <= names


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_signpost_tells_the_topics(room: Path) -> None:
    signpost = ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or ""
    topics = topics_of(room.name) if (room / "events.py").exists() else set()
    missing = {topic for topic in topics if topic not in signpost}
    assert not missing, f"the signpost does not name {missing}"


def test_rooms_tell_of_something() -> None:
    assert topics_of("content") >= {"content.post.created"}


def test_no_sleep_in_tests_and_no_path_of_a_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sources()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"\btime\.sleep\(", line) or "/home/" in line
    ]
    assert not found, "wait for a condition instead of a time"


def test_links_between_pages_lead_somewhere() -> None:
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    dead = {
        f"{page}: {target}"
        for page in listed.stdout.split()
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", (ROOT / page).read_text())
        if not (ROOT / page).parent.joinpath(target).exists()
    }
    assert not dead
