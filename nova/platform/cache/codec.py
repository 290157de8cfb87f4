"""How values become bytes, and bytes values."""

from typing import Generic, Protocol, TypeVar

from google.protobuf.message import DecodeError, Message

V = TypeVar("V")
M = TypeVar("M", bound=Message)


class Undecodable(ValueError):
    """The bytes in Redis are not a value of this cache: another release wrote them."""


class Codec(Protocol[V]):
    """Both directions; `decode` raises `Undecodable`."""

    def encode(self, value: V) -> bytes:
        """Return the bytes of a value."""
        ...

    def decode(self, data: bytes) -> V:
        """Return the value of the bytes."""
        ...


class ProtoCodec(Generic[M]):
    """Protobuf messages of one type. They are shared between readers: never change one."""

    def __init__(self, message: type[M]) -> None:
        self._message = message

    def encode(self, value: M) -> bytes:
        """Return the serialised message."""
        return value.SerializeToString()

    def decode(self, data: bytes) -> M:
        """Return the parsed message."""
        message = self._message()
        try:
            message.ParseFromString(data)
        except DecodeError as error:
            raise Undecodable(str(error)) from error
        return message
