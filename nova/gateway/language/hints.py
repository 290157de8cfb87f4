"""Suggestions in errors: kept out where the schema is not to be told."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from graphql.pyutils import did_you_mean, suggestion_list

_LONGEST: Final = 64


@dataclass(frozen=True, slots=True)
class Hints:
    """Whether errors suggest names."""

    hidden: bool

    def among(self, name: str, known: Iterable[str]) -> str:
        """Return the sentence that suggests names like `name`, with a space before it, or nothing."""
        if self.hidden or len(name) > _LONGEST:
            return ""
        return did_you_mean(suggestion_list(name, list(known)))
