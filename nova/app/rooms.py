"""The rooms that stand, in the order in which they start: who is asked at start-up comes before who asks."""

from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nova.platform.events import Topic

if TYPE_CHECKING:
    # Commands that only ask for topics or migrations do without the whole of the floor.
    from nova.platform.platform import Platform
    from nova.platform.room import Room

ROOMS: Final = ("identity", "user", "graph", "content", "social", "features", "ranking", "feed")


def build(room: str, platform: "Platform") -> "Room":
    """Return a room on the floor given. Only this room's code is imported."""
    wiring = import_module(f"nova.services.{room}.wiring")
    built: Room = wiring.build(platform)
    return built


def migrations_of(room: str) -> Path:
    """Return the folder of a room's migrations; a room that keeps no tables of its own has none."""
    return Path(str(files(f"nova.services.{room}"))) / "migrations"


def topics_of(room: str) -> list[Topic[Any]]:
    """Return the topics that a room emits: those in its `events` that begin with its name."""
    try:
        events = import_module(f"nova.services.{room}.events")
    except ModuleNotFoundError as missing:
        if missing.name != f"nova.services.{room}.events":
            raise
        return []
    declared = [value for value in vars(events).values() if isinstance(value, Topic)]
    return [topic for topic in declared if topic.name.startswith(f"{room}.")]
