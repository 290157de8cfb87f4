"""What is still to be said. Past a bound, where there is one, single keys of a cache become "all of them"."""

from collections.abc import Iterator, Mapping

_MOST_PATTERNS = 100
_EVERYTHING = b"*"


class Unsent:
    """Keys with their marks, and patterns, by the name of their cache."""

    def __init__(self, *, most_keys: int | None = None) -> None:
        self._most_keys = most_keys
        self._keys: dict[bytes, dict[bytes, bytes]] = {}
        self._patterns: dict[bytes, set[bytes]] = {}

    def __bool__(self) -> bool:
        return bool(self._keys or self._patterns)

    def add_keys(self, name: bytes, marks: Mapping[bytes, bytes]) -> None:
        """Keep keys, each with what marks it in Redis."""
        if not marks or _EVERYTHING in self._patterns.get(name, ()):
            return
        kept = self._keys.setdefault(name, {})
        kept.update(marks)
        if self._most_keys is not None and len(kept) > self._most_keys:
            self.add_pattern(name, _EVERYTHING)

    def add_pattern(self, name: bytes, pattern: bytes) -> None:
        """Keep a glob."""
        kept = self._patterns.setdefault(name, set())
        kept.add(pattern)
        if pattern == _EVERYTHING or len(kept) > _MOST_PATTERNS:
            self._patterns[name] = {_EVERYTHING}
            self._keys.pop(name, None)

    def take(self) -> Iterator[tuple[bytes, dict[bytes, bytes], set[bytes]]]:
        """Yield the name, the marked keys and the globs of each cache, and keep them no longer."""
        names = self._keys.keys() | self._patterns.keys()
        for name in names:
            yield name, self._keys.pop(name, {}), self._patterns.pop(name, set())
