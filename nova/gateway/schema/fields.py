"""Fields with a resolver, typed: a resolver stays the function that it is for everyone but the schema."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import strawberry

F = TypeVar("F", bound=Callable[..., Any])


def field(*, description: str | None = None, metadata: Mapping[Any, Any] | None = None) -> Callable[[F], F]:
    """Make a method a field of the schema; `metadata` holds its facts."""
    return cast("Callable[[F], F]", strawberry.field(description=description, metadata=metadata))
