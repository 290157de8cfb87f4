"""A protobuf file as its source, made from what `protoc` has made of it: for registries, which compare sources.

Only what decides how a payload is read is written: messages and enums. Services, options and comments are left out; a
map is the message that each of its entries is on the wire, and the fields of a `oneof` stand beside the others.
"""

from collections.abc import Iterator, Sequence

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)


def source_of(file: FileDescriptor) -> str:
    """Return the source of a file (proto3)."""
    described = FileDescriptorProto()
    file.CopyToProto(described)
    return "\n".join(_file(described)) + "\n"


def _file(file: FileDescriptorProto) -> Iterator[str]:
    yield 'syntax = "proto3";'
    yield f"package {file.package};"
    yield from (f'import "{name}";' for name in file.dependency)
    for message in file.message_type:
        yield from _message(message)
    for enum in file.enum_type:
        yield from _enum(enum)


def _message(message: DescriptorProto) -> Iterator[str]:
    yield f"message {message.name} {{"
    for nested in message.nested_type:
        yield from _indented(_message(nested))
    for enum in message.enum_type:
        yield from _indented(_enum(enum))
    yield from _reserved([(one.start, one.end - 1) for one in message.reserved_range], message.reserved_name)
    yield from (f"  {_field(field)}" for field in message.field)
    yield "}"


def _enum(enum: EnumDescriptorProto) -> Iterator[str]:
    yield f"enum {enum.name} {{"
    yield from _reserved([(one.start, one.end) for one in enum.reserved_range], enum.reserved_name)
    yield from (f"  {value.name} = {value.number};" for value in enum.value)
    yield "}"


def _reserved(ranges: Sequence[tuple[int, int]], names: Sequence[str]) -> Iterator[str]:
    yield from (f"  reserved {first} to {last};" for first, last in ranges)
    yield from (f'  reserved "{name}";' for name in names)


def _field(field: FieldDescriptorProto) -> str:
    label = (
        "repeated " if field.label == field.LABEL_REPEATED else "optional " if field.proto3_optional else ""
    )
    kind = field.type_name.removeprefix(".") or field.Type.Name(field.type).removeprefix("TYPE_").lower()
    return f"{label}{kind} {field.name} = {field.number};"


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)
