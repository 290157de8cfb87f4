"""The source that is made of a protobuf file, against what `protoc` reads in it."""

from importlib import resources
from pathlib import Path

import pytest
from google.protobuf import wrappers_pb2
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)
from grpc_tools import protoc  # type: ignore[import-untyped] # it ships without types

from nova.api.content.v1 import content_pb2
from nova.api.ranking.v1 import ranking_pb2
from nova.api.user.v1 import user_pb2
from nova.platform.events import Topic
from nova.platform.log.kafka_schema import source_of
from nova.policy import topics

KNOWN = str(resources.files("grpc_tools") / "_proto")
FILES: dict[str, FileDescriptor] = {
    file.name: file
    for file in (
        *(topic.message.DESCRIPTOR.file for topic in vars(topics).values() if isinstance(topic, Topic)),
        *(content_pb2.DESCRIPTOR, ranking_pb2.DESCRIPTOR, user_pb2.DESCRIPTOR, wrappers_pb2.DESCRIPTOR),
    )
}


def bare(file: FileDescriptorProto) -> FileDescriptorProto:
    """Return a file with what decides how a payload is read, and no more."""
    kept = FileDescriptorProto(package=file.package, dependency=file.dependency)
    kept.message_type.extend(map(bare_message, file.message_type))
    kept.enum_type.extend(map(bare_enum, file.enum_type))
    return kept


def bare_message(message: DescriptorProto) -> DescriptorProto:
    for field in message.field:
        field.ClearField("options")
        field.ClearField("json_name")
    for nested in message.nested_type:
        bare_message(nested)
    message.ClearField("options")
    return message


def bare_enum(enum: EnumDescriptorProto) -> EnumDescriptorProto:
    enum.ClearField("options")
    return enum


def read(file: FileDescriptor, folder: Path) -> FileDescriptorProto:
    """Return what `protoc` reads in the source of a file, beside those of what it imports."""
    for one in (file, *file.dependencies):
        place = folder / one.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(source_of(one))
    found = folder / "found"
    assert protoc.main(["", f"-I{folder}", f"-I{KNOWN}", f"--descriptor_set_out={found}", file.name]) == 0
    (described,) = FileDescriptorSet.FromString(found.read_bytes()).file
    return described


@pytest.mark.parametrize("name", FILES)
def test_protoc_reads_in_the_source_what_it_was_made_of(name: str, tmp_path: Path) -> None:
    wanted = FileDescriptorProto()
    FILES[name].CopyToProto(wanted)
    assert bare(read(FILES[name], tmp_path)) == bare(wanted)
