"""Relay connections: pages of entities with sealed cursors (GraphQL Cursor Connections Specification)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import strawberry

from nova.gateway.cursors import Cursors
from nova.gateway.facts import PAGE_DEFAULT

T = TypeVar("T")
S = TypeVar("S")


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """Where a page lies in its list."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type(description="An entity at its place in a list.")
class Edge(Generic[T]):
    """An entity at its place in a list."""

    cursor: str
    node: T


@strawberry.type(description="One page of a list.")
class Connection(Generic[T]):
    """One page of a list."""

    edges: list[Edge[T]]
    page_info: PageInfo


@dataclass(frozen=True, slots=True)
class Found(Generic[S]):
    """A page as a room returned it: the sources with their page tokens, and the token of the next page."""

    sources: Sequence[tuple[bytes, S]]
    next_token: bytes


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that a cursor belongs to: its name says field, parent and the arguments that choose entries."""

    cursors: Cursors
    name: str
    after: str | None

    def token(self) -> bytes:
        """Return the page token to start from; raises `BadCursor`."""
        return self.cursors.open(self.name, self.after)

    def seal(self, token: bytes) -> str:
        """Return the cursor of an entry."""
        return self.cursors.seal(self.name, token)

    def page_info(self, found: Found[S]) -> PageInfo:
        """Return where the page lies. Its ends are the room's, so that hidden entries do not end a walk."""
        tokens = [token for token, _ in found.sources]
        last = tokens[-1] if tokens else found.next_token
        return PageInfo(
            has_next_page=bool(found.next_token),
            has_previous_page=self.after is not None,
            start_cursor=self.seal(tokens[0]) if tokens else None,
            end_cursor=self.seal(last) if last else None,
        )

    def page(self, found: Found[S], present: Callable[[S], T | None]) -> Connection[T]:
        """Return the page as a connection; what `present` returns None for is left out."""
        return Connection(edges=list(self._edges(found, present)), page_info=self.page_info(found))

    def _edges(self, found: Found[S], present: Callable[[S], T | None]) -> Iterable[Edge[T]]:
        for token, source in found.sources:
            node = present(source)
            if node is not None:
                yield Edge(cursor=self.seal(token), node=node)


def first_or_default(first: int | None) -> int:
    """Return the size of a page; that it is allowed has been checked with the document."""
    return first or PAGE_DEFAULT


def found(entries: Iterable[S], token: Callable[[S], bytes], next_token: bytes) -> Found[S]:
    """Return a room's page in one form."""
    return Found([(token(entry), entry) for entry in entries], next_token)
