"""What the gateway must know of a field before it runs: its page, the calls it makes, who may ask for it.

A resolver's field carries its facts as metadata, beside the resolver. Cost and backend plan are computed from
them, so a field that calls a room and does not say so is a bug that the run-time guard shows.

A *stage* is a set of calls made side by side. A field's stages run one after another, and its children start
after the last of them. Calls of one stage that agree in method and variant are one call for all parents.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

METADATA_KEY: Final = "nova"
BATCH_MOST: Final = 200
"""Ids that one batch call takes, as the protos say."""
PAGE_DEFAULT: Final = 20
PAGE_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Rpc:
    """One kind of call. `keys` is how many ids one parent adds to it.

    `batch` is how many ids one call takes; None where each parent needs calls of its own (`keys` of them). Calls
    that differ in `variant` (a page size, a cursor) cannot be joined.
    """

    method: str
    keys: int = 1
    batch: int | None = BATCH_MOST
    variant: str = ""


Stage = tuple[Rpc, ...]


class Asked(Protocol):
    """One use of a field in a document, with its arguments resolved."""

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The arguments by their GraphQL names; what is neither given nor has a default is missing."""
        ...

    @property
    def size(self) -> int:
        """The size of the page that this use opens; 1 when it opens none."""
        ...

    def selects(self, *path: str) -> bool:
        """Return whether the document asks for the field at `path` below this one."""
        ...


Stages = Callable[[Asked], Sequence[Stage]]


@dataclass(frozen=True, slots=True)
class Page:
    """The argument that sets how many entries a field returns: a number, or a list of ids."""

    argument: str = "first"
    default: int = PAGE_DEFAULT
    most: int = PAGE_MOST


def whole(most: int) -> Page:
    """Return the page of a list that comes whole: without an argument, `most` entries long at most.

    What lies below a list is priced by its length, or documents that nest lists would be cheap and never end.
    """
    return Page(argument="", default=most, most=most)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldFacts:
    """The facts of one field."""

    stages: Stages
    page: Page | None = None
    public: bool = False


def facts(*stages: Stage, page: Page | None = None, public: bool = False) -> dict[str, FieldFacts]:
    """Return field metadata for calls that do not depend on the arguments."""
    return {METADATA_KEY: FieldFacts(stages=lambda _asked: stages, page=page, public=public)}


def facts_by(stages: Stages, *, page: Page | None = None) -> dict[str, FieldFacts]:
    """Return field metadata for calls that depend on how the field is asked for."""
    return {METADATA_KEY: FieldFacts(stages=stages, page=page)}
