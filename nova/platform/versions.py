"""Which version of a thing was told last: what makes news that come late, twice or in a wrong order change nothing."""

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

T = TypeVar("T")

FIRST: Final = 1
"""The version of a thing that was just made."""
GONE: Final = 1 << 62
"""The version of a thing that was deleted: above all others. Nothing comes back."""
REMEMBERED: Final = 20_000


class Versions:
    """Of the versions of a key the highest wins, and deletion over all.

    First versions are not remembered: they are the most, and told again they say the same. Of the others the last
    20,000 are; news older than those are no longer on their way.
    """

    def __init__(self, *, most: int = REMEMBERED) -> None:
        self._most = most
        self._versions: dict[bytes, int] = {}

    def news(self, told: Iterable[T], of: Callable[[T], tuple[bytes, int]]) -> list[T]:
        """Return what is above all that was noted, once for each key: the highest. `of` gives key and version.

        Nothing is noted yet: whoever takes the news notes them afterwards, so that what failed may be told again.
        """
        newest: dict[bytes, tuple[int, T]] = {}
        for one in told:
            key, version = of(one)
            if version > max(self._versions.get(key, 0), newest[key][0] if key in newest else 0):
                newest[key] = (version, one)
        return [one for _, one in newest.values()]

    def note(self, versions: Iterable[tuple[bytes, int]]) -> None:
        """Remember the versions that were taken, given as (key, version)."""
        for key, version in versions:
            if version > FIRST:
                self._versions.pop(key, None)
                self._versions[key] = version
        while len(self._versions) > self._most:
            del self._versions[next(iter(self._versions))]

    def bury(self, keys: Iterable[bytes]) -> None:
        """Remember that these are deleted."""
        self.note((key, GONE) for key in keys)

    def is_gone(self, key: bytes) -> bool:
        """Return whether `key` is known to be deleted."""
        return self._versions.get(key, 0) == GONE

    def dump(self) -> list[tuple[str, int]]:
        """Return all that is remembered, oldest first, as JSON can hold it."""
        return [(key.hex(), version) for key, version in self._versions.items()]

    def restore(self, versions: Iterable[tuple[str, int]]) -> None:
        """Replace all by what `dump` gave."""
        self._versions = {bytes.fromhex(key): version for key, version in versions}

    def __len__(self) -> int:
        return len(self._versions)
