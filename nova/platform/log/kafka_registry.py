"""The schema registry beside Kafka, by the HTTP API that Confluent made and others answer too.

A topic's subject is `<topic>-value`. Schemas go as sources: Confluent's registry takes descriptors in base64 too, but
others cannot compare those. What a file imports is registered before it.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.message import Message

from nova.platform.clock import SystemClock
from nova.platform.errors import FailedPrecondition, Unavailable
from nova.platform.log.kafka_schema import source_of
from nova.platform.log.kafka_wire import frame
from nova.platform.resilience import CallPolicy

_TYPE = "application/vnd.schemaregistry.v1+json"
_WITHIN_S = 10.0
_AT_ONCE = 4
"""Threads that may wait for it: they are those that also look up names of hosts."""
_REFUSED = (409, 422)
_KNOWN = "google/protobuf/"
"""Files that every registry has."""


class SchemaRefused(FailedPrecondition):
    """The registry does not take this schema: it is no longer compatible with the one before."""


class SchemaRegistry:
    """The registry at `url`."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._calls = CallPolicy(
            "schema-registry", clock=SystemClock(), timeout_s=_WITHIN_S, max_concurrent=_AT_ONCE
        )

    async def frame(self, topic: str, message: type[Message]) -> bytes:
        """Register the message of a topic; return what stands before each payload.

        Raises `SchemaRefused`, and `Unavailable` or `Timeout` when the registry does not answer.
        """
        descriptor = cast("Descriptor", message.DESCRIPTOR)
        schema_id = await self._calls.call(
            lambda: asyncio.to_thread(self._register, f"{topic}-value", descriptor.file)
        )
        return frame(schema_id, path_of(descriptor))

    def _register(self, subject: str, file: FileDescriptor) -> int:
        references = [self._reference(imported) for imported in file.dependencies if not _is_known(imported)]
        name = quote(subject, safe="")
        self._send("PUT", f"/config/{name}", {"compatibility": "BACKWARD"})
        answer = self._send(
            "POST",
            f"/subjects/{name}/versions",
            {
                "schemaType": "PROTOBUF",
                "schema": source_of(file),
                "references": references,
            },
        )
        return int(answer["id"])

    def _reference(self, file: FileDescriptor) -> Mapping[str, object]:
        """Register a file that another one imports, under its own name; return how the other one names it."""
        self._register(file.name, file)
        version = self._get(f"/subjects/{quote(file.name, safe='')}/versions/latest")["version"]
        return {"name": file.name, "subject": file.name, "version": version}

    def _send(self, method: str, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        content, told = json.dumps(body).encode(), {"Content-Type": _TYPE}
        return self._ask(Request(self._url + path, content, told, method=method))  # noqa: S310 - as below

    def _get(self, path: str) -> dict[str, Any]:
        return self._ask(Request(self._url + path))  # noqa: S310 - the scheme was checked with the configuration

    def _ask(self, request: Request) -> dict[str, Any]:
        request.add_header("Accept", _TYPE)
        try:
            with urlopen(request, timeout=_WITHIN_S) as answer:  # noqa: S310 - as above
                found: dict[str, Any] = json.load(answer)
                return found
        except HTTPError as error:
            told = error.read(500).decode(errors="replace")
            if error.code in _REFUSED:
                raise SchemaRefused(f"The schema registry refuses {request.full_url}: {told}") from error
            raise Unavailable(f"The schema registry answers {error.code} to {request.full_url}.") from error
        except (URLError, OSError, ValueError) as error:
            raise Unavailable(f"The schema registry does not answer at {self._url}.") from error


def path_of(descriptor: Descriptor) -> Sequence[int]:
    """Return where a message stands in its file: its place, below the places of those around it."""
    around = descriptor.containing_type
    if around is not None:
        return [*path_of(around), [nested.name for nested in around.nested_types].index(descriptor.name)]
    return [list(descriptor.file.message_types_by_name).index(descriptor.name)]


def _is_known(file: FileDescriptor) -> bool:
    return file.name.startswith(_KNOWN)
