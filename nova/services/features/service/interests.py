"""Which tags people reacted to: where to look when someone's strongest interests are asked for."""

from collections.abc import Iterable, Sequence
from typing import Final

TAGS_OF_A_PERSON: Final = 64
MOST_PEOPLE: Final = 20_000


class Interests:
    """The latest 64 tags of each of the 20,000 people who reacted last.

    Who reacted longest ago is forgotten first. What a tag is worth to him stays in the table until it has faded, so
    with his next reaction to it he finds it again as it was.
    """

    def __init__(self, *, most: int = MOST_PEOPLE) -> None:
        self._most = most
        self._people: dict[bytes, dict[str, None]] = {}

    def note(self, user_id: bytes, tags: Iterable[str]) -> None:
        """Note that a person reacted to these tags."""
        known = self._people.pop(user_id, {})
        for tag in tags:
            known.pop(tag, None)
            known[tag] = None
        while len(known) > TAGS_OF_A_PERSON:
            del known[next(iter(known))]
        if known:
            self._people[user_id] = known
        while len(self._people) > self._most:
            del self._people[next(iter(self._people))]

    def of(self, user_id: bytes) -> list[str]:
        """Return the tags of a person, the latest last."""
        return list(self._people.get(user_id, ()))

    def dump(self) -> list[tuple[str, list[str]]]:
        """Return all, as JSON can hold it: for a snapshot."""
        return [(user_id.hex(), list(tags)) for user_id, tags in self._people.items()]

    def restore(self, people: Iterable[tuple[str, Sequence[str]]]) -> None:
        """Replace all by what `dump` gave."""
        self._people = {bytes.fromhex(user_id): dict.fromkeys(tags) for user_id, tags in people}

    def __len__(self) -> int:
        return len(self._people)
