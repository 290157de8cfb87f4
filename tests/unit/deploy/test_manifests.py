"""The chart says of the rooms what the code says: who they are, where they listen, whom they let in, what they hear."""

import re
from importlib import import_module

import pytest

from nova.app import rooms
from nova.app.callers import callers_of
from nova.platform.config import Config, Secrets, describe
from nova.platform.engine_knobs import Engines
from nova.platform.events import Topic
from nova.platform.knobs import knobs_of
from nova.platform.mail.knobs import MailKnobs
from tests.unit.deploy.chart import CHART, ROOMS, VALUES


def callers(room: str) -> set[str]:
    """Everybody who may call some method of a room."""
    services = import_module(f"nova.api.{room}.v1.{room}_pb2").DESCRIPTOR.services_by_name.values()
    return {
        caller
        for service in services
        for method in service.methods
        for caller in callers_of(room, method.name)
    }


def heard(room: str) -> set[str]:
    """The topics of others that a room knows."""
    events = import_module(f"nova.services.{room}.events")
    topics = [value.name for value in vars(events).values() if isinstance(value, Topic)]
    return {name for name in topics if not name.startswith(f"{room}.")}


def test_every_room_is_deployed() -> None:
    assert set(ROOMS) == set(rooms.ROOMS)


@pytest.mark.parametrize("room", rooms.ROOMS)
def test_a_room_listens_where_it_is_expected(room: str) -> None:
    assert ROOMS[room]["port"] == Config().server.grpc_port(room)


@pytest.mark.parametrize("room", rooms.ROOMS)
def test_the_network_lets_those_in_who_may_call_and_nobody_else(room: str) -> None:
    assert set(ROOMS[room]["callers"]) == callers(room)


@pytest.mark.parametrize("room", rooms.ROOMS)
def test_a_room_is_scaled_by_topics_that_it_hears(room: str) -> None:
    assert set(ROOMS[room].get("topics", ())) <= heard(room)


def test_the_chart_turns_knobs_that_exist() -> None:
    text = "".join(path.read_text() for path in (CHART / "values.yaml", *(CHART / "templates").iterdir()))
    turned = set(re.findall(r"NOVA_[A-Z0-9_]*[A-Z0-9]", text))
    assert turned
    assert turned <= {row.variable for row in describe(Config())}


def test_postgresql_has_a_connection_for_everybody() -> None:
    """max_connections is 200, of which 3 are its administrators'."""
    pooler = VALUES["pgbouncer"]
    bells = sum(room["replicas"]["most"] for room in ROOMS.values())
    bells += VALUES["gateway"]["replicas"] + VALUES["relay"]["replicas"]
    assert bells + pooler["serverConnections"] <= 200 - 3
    each_room = pooler["serverConnections"] // ((pooler["replicas"] + 1) * len(ROOMS))
    assert each_room >= 1


def test_c4_what_only_some_read_is_in_no_secret_of_all() -> None:
    """By what the values say of each secret: the comment is what people fill it by."""
    text = (CHART / "values.yaml").read_text()
    shared = text[text.index("# Everybody's:") : text.index("  shared:")]
    for _, _, spec in (knob for section in (Secrets, MailKnobs, Engines) for knob in knobs_of(section)):
        for part in spec.parts:
            assert spec.variable not in shared
            if spec.variable in text and spec.variable not in VALUES["config"]:
                assert re.search(rf"\n    {part}: \S+ +# .*\b{spec.variable}\b", text)
