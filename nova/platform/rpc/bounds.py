"""How many entries a request may hold, whatever the service says of its lists."""

from collections.abc import Iterable, Mapping

from google.protobuf.message import Message

from nova.platform.errors import InvalidArgument

MOST_ENTRIES = 10_000


def check_entries(message: Message) -> None:
    """Raise `InvalidArgument` where the lists and maps in `message` have over 10,000 entries together.

    The walk itself is bounded by that number; the depth is bounded by the parser (100).
    """
    entries = 0
    waiting = [message]
    while waiting:
        for field, value in waiting.pop().ListFields():
            if field.is_repeated:
                entries += len(value)
                if entries > MOST_ENTRIES:
                    raise InvalidArgument(
                        f"{field.name} is too long: a request holds at most {MOST_ENTRIES} entries.",
                        field=field.name,
                    )
                waiting.extend(entry for entry in _entries(value) if isinstance(entry, Message))
            elif isinstance(value, Message):
                waiting.append(value)


def _entries(value: Iterable[object]) -> Iterable[object]:
    return value.values() if isinstance(value, Mapping) else value
