"""The client of a schema registry, against one that keeps schemas as Confluent's API says."""

import asyncio
import json
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar
from urllib.parse import unquote

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from nova.api.content.v1.events_pb2 import PostCreatedEvent
from nova.platform.errors import Timeout, Unavailable
from nova.platform.log import kafka_registry
from nova.platform.log.kafka_registry import SchemaRefused, SchemaRegistry
from nova.platform.log.kafka_schema import source_of
from nova.platform.log.kafka_wire import frame
from nova.platform.resilience import CircuitOpen


class KnownSchemas(BaseHTTPRequestHandler):
    """Gives each schema a number, and refuses subjects in `closed`."""

    ids: ClassVar[dict[str, int]] = {}
    subjects: ClassVar[dict[str, list[int]]] = {}
    bodies: ClassVar[list[dict[str, object]]] = []
    closed: ClassVar[set[str]] = set()
    rules: ClassVar[dict[str, str]] = {}

    def do_POST(self) -> None:
        subject = unquote(self.path.split("/")[2])
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if subject in self.closed:
            self._answer(409, {"error_code": 409, "message": "incompatible"})
            return
        self.bodies.append(body)
        schema_id = self.ids.setdefault(body["schema"], len(self.ids) + 1)
        if schema_id not in self.subjects.setdefault(subject, []):
            self.subjects[subject].append(schema_id)
        self._answer(200, {"id": schema_id})

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.rules[unquote(self.path.split("/")[2])] = body["compatibility"]
        self._answer(200, body)

    def do_GET(self) -> None:
        versions = self.subjects[unquote(self.path.split("/")[2])]
        self._answer(200, {"version": len(versions), "id": versions[-1]})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass

    def _answer(self, code: int, body: dict[str, object]) -> None:
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())


@pytest.fixture
def registry() -> Iterator[SchemaRegistry]:
    for kept in (
        KnownSchemas.ids,
        KnownSchemas.subjects,
        KnownSchemas.bodies,
        KnownSchemas.closed,
        KnownSchemas.rules,
    ):
        kept.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), KnownSchemas) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield SchemaRegistry(f"http://127.0.0.1:{server.server_port}/")
        server.shutdown()
        thread.join()


async def test_a_topics_message_is_registered_with_what_it_imports(registry: SchemaRegistry) -> None:
    framed = await registry.frame("content.post.created", PostCreatedEvent)
    (schema_id,) = KnownSchemas.subjects["content.post.created-value"]
    assert framed == frame(
        schema_id, [list(PostCreatedEvent.DESCRIPTOR.file.message_types_by_name).index("PostCreatedEvent")]
    )
    sent = KnownSchemas.bodies[-1]
    file = PostCreatedEvent.DESCRIPTOR.file
    assert sent["schema"] == source_of(file)
    theirs = {one.name for one in file.dependencies if not one.name.startswith("google/protobuf/")}
    assert {one["name"] for one in sent["references"]} == theirs  # type: ignore[attr-defined] # JSON
    assert set(KnownSchemas.subjects) == {"content.post.created-value", *theirs}
    assert KnownSchemas.rules == dict.fromkeys(KnownSchemas.subjects, "BACKWARD")


async def test_registering_twice_makes_no_second_version(registry: SchemaRegistry) -> None:
    first = await registry.frame("some.clock.set", Timestamp)
    assert await registry.frame("some.clock.set", Timestamp) == first
    assert len(KnownSchemas.subjects["some.clock.set-value"]) == 1


async def test_a_schema_that_old_readers_cannot_read_is_refused(registry: SchemaRegistry) -> None:
    KnownSchemas.closed.add("some.clock.set-value")
    with pytest.raises(SchemaRefused, match="incompatible"):
        await registry.frame("some.clock.set", Timestamp)


async def test_a_registry_that_is_away_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        async with asyncio.timeout(5):
            await SchemaRegistry("http://127.0.0.1:9").frame("some.clock.set", Timestamp)


async def test_fault_a_registry_that_never_answers_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_registry, "_WITHIN_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        registry = SchemaRegistry(f"http://127.0.0.1:{silent.getsockname()[1]}")
        for _ in range(10):
            with pytest.raises((Unavailable, Timeout)) as caught:
                await registry.frame("some.clock.set", Timestamp)
            assert not isinstance(caught.value, CircuitOpen)
        with pytest.raises(CircuitOpen):
            await registry.frame("some.clock.set", Timestamp)
