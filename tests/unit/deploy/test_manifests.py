"""The chart says of the rooms what the code says: who they are, where they listen, whom they let in, what they hear."""

import ast
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
from nova.platform.rpc.server import CONNECTION_AGE_S
from tests.unit.deploy.chart import CHART, ROOMS, ROOT, VALUES


def callers(room: str) -> set[str]:
    """Everybody who may call some method of a room."""
    services = import_module(f"nova.api.{room}.v1.{room}_pb2").DESCRIPTOR.services_by_name.values()
    return {
        caller
        for service in services
        for method in service.methods
        for caller in callers_of(room, method.name)
    }


def wiring_of(room: str) -> str:
    return (ROOT / "nova" / "services" / room / "wiring.py").read_text()


def heard(room: str) -> set[str]:
    """The topics that the consumer group of a room's name has handlers for."""
    events = import_module(f"nova.services.{room}.events")
    found: set[str] = set()
    for node in ast.walk(ast.parse(wiring_of(room))):
        if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "Consumer"):
            continue
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        handlers = given["handlers"]
        if ast.unparse(given["group"]) == repr(room) and isinstance(handlers, ast.Dict):
            topics = [getattr(events, ast.unparse(key).split(".")[-1]) for key in handlers.keys if key]
            assert all(isinstance(topic, Topic) for topic in topics)
            found |= {topic.name for topic in topics}
    return found


def test_every_room_is_deployed() -> None:
    assert set(ROOMS) == set(rooms.ROOMS)


@pytest.mark.parametrize("room", rooms.ROOMS)
def test_a_room_listens_where_it_is_expected(room: str) -> None:
    assert ROOMS[room]["port"] == Config().server.grpc_port(room)


@pytest.mark.parametrize("room", rooms.ROOMS)
def test_the_network_lets_those_in_who_may_call_and_nobody_else(room: str) -> None:
    assert set(ROOMS[room]["callers"]) == callers(room)


@pytest.mark.parametrize("room", rooms.ROOMS)
def test_a_room_is_scaled_by_the_topics_that_it_hears(room: str) -> None:
    assert set(ROOMS[room].get("topics", ())) == heard(room)


def test_some_rooms_hear_something() -> None:
    assert any(map(heard, rooms.ROOMS))


@pytest.mark.parametrize(
    ("engine", "module"), [("neo4j", "nova.platform.neo4j"), ("smtp", "nova.platform.mail")]
)
def test_the_network_lets_those_out_who_have_something_to_ask(engine: str, module: str) -> None:
    users = {room for room in rooms.ROOMS if module in wiring_of(room)}
    assert set(VALUES["network"]["engines"][engine]["parts"]) == users


def test_the_network_lets_those_out_who_know_the_bucket() -> None:
    (knob,) = (spec for _, _, spec in knobs_of(Engines) if spec.variable == "NOVA_S3_URL")
    assert set(VALUES["network"]["engines"]["s3"]["parts"]) == knob.parts


def test_the_chart_turns_knobs_that_exist() -> None:
    text = "".join(path.read_text() for path in (CHART / "values.yaml", *(CHART / "templates").iterdir()))
    turned = set(re.findall(r"NOVA_[A-Z0-9_]*[A-Z0-9]", text))
    assert turned
    assert turned <= {row.variable for row in describe(Config())}


def test_a_new_copy_has_its_share_before_the_number_is_judged_by_it() -> None:
    """An autoscaler of Kubernetes takes back what it gave after five minutes."""
    assert CONNECTION_AGE_S <= 300 / 2


def test_the_page_of_full_pools_says_what_pgbouncer_has() -> None:
    pooler, page = VALUES["pgbouncer"], (ROOT / "docs" / "runbooks" / "PoolNearlyFull.md").read_text()
    copy = pooler["serverConnections"] // (pooler["replicas"] + 2)
    assert f"{copy // len(ROOMS)}, and all together {copy}" in page
    limits = dict(
        re.findall(
            r"^(max_\w+) = (\d+)$", (ROOT / "deploy/pgbouncer/pgbouncer.ini").read_text(), re.MULTILINE
        )
    )
    assert f"{limits['max_user_connections']} server connections" in page
    assert f"all rooms together {limits['max_db_connections']} " in page


def test_c4_what_only_some_read_is_in_no_secret_of_all() -> None:
    """By what the values say of each secret: the comment is what people fill it by."""
    text = (CHART / "values.yaml").read_text()
    shared = text[text.index("# Everybody's:") : text.index("  shared:")]
    for _, _, spec in (knob for section in (Secrets, MailKnobs, Engines) for knob in knobs_of(section)):
        for part in spec.parts:
            assert spec.variable not in shared
            if spec.variable in text and spec.variable not in VALUES["config"]:
                assert re.search(rf"\n    {part}: \S+ +# .*\b{spec.variable}\b", text)
