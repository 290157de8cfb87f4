"""What every entity has."""

import strawberry


@strawberry.interface(description="An entity with a global id, for `node` and for caches.")
class Node:
    """An entity with a global id."""

    id: strawberry.ID = strawberry.field(description="Opaque, global, and the same for ever.")
