"""What an operation costs, before it runs.

Every object-valued field costs (product of the page sizes around it) x (how many pages it lies in, at least 1);
scalars are free. A page begins below the `edges` of a connection, or below a list that has a size of its own:
the connection, its `pageInfo` and the list itself lie beside it. What introspection costs is bounded by a price
for each of its root fields.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from nova.gateway.errors import QueryTooComplex
from nova.gateway.uses import EDGES, Use, asked

_INTROSPECTION: Final[Mapping[str, int]] = {"__schema": 250, "__type": 50}


def cost(roots: Sequence[Use], variables: Mapping[str, Any], most: int) -> int:
    """Return the cost of an operation. Raises `QueryTooComplex` that names the field at which it passed `most`."""
    pricing = _Pricing(variables, most)
    pricing.add(roots, around=1, pages=0, page=None)
    return pricing.total


class _Pricing:
    def __init__(self, variables: Mapping[str, Any], most: int) -> None:
        self._variables = variables
        self._most = most
        self.total = 0

    def add(self, uses: Sequence[Use], *, around: int, pages: int, page: int | None) -> None:
        """Add the uses of one selection. `page` is the size of a page that waits for its `edges`."""
        for use in uses:
            if use.known is None:
                self._charge(use, _INTROSPECTION.get(use.name, 0))
                continue
            if not use.known.composite:
                continue
            self._charge(use, around * max(pages, 1))
            size = asked(use, self._variables).size
            if page is not None and use.name == EDGES:
                self.add(use.children, around=around * page, pages=pages + 1, page=None)
            elif use.known.connection:
                self.add(use.children, around=around, pages=pages, page=size)
            elif use.known.facts.page is not None:
                self.add(use.children, around=around * size, pages=pages + 1, page=None)
            else:
                self.add(use.children, around=around, pages=pages, page=None)

    def _charge(self, use: Use, price: int) -> None:
        self.total += price
        if self.total > self._most:
            raise QueryTooComplex(
                f"The document costs more than {self._most}: {use.path} goes beyond it. Ask for smaller pages.",
                field=use.path,
            )
