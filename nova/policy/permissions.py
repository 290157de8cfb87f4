"""Roles and what each may do. A permission reads `noun:verb` or `noun:verb:own|any`."""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """The roles of the house."""

    MEMBER = "member"
    PREMIUM = "premium"
    MODERATOR = "moderator"
    ADMIN = "admin"


MEMBER_PERMISSIONS: Final = frozenset(
    {
        "profile:read", "profile:write:own",
        "graph:read", "graph:write:own",
        "content:read", "content:create", "content:edit:own", "content:delete:own",
        "social:read", "social:write:own", "social:delete:own",
        "feed:read",
        "session:read:own", "session:revoke:own", "password:change:own",
    }
)  # fmt: skip

PERMISSIONS: Final[dict[Role, frozenset[str]]] = {
    Role.MEMBER: MEMBER_PERMISSIONS,
    Role.PREMIUM: frozenset({"limits:premium"}),
    Role.MODERATOR: frozenset({"content:delete:any", "social:delete:any", "accounts:suspend"}),
    Role.ADMIN: frozenset({"content:delete:any", "social:delete:any", "accounts:suspend", "roles:manage"}),
}

SENSITIVE: Final = frozenset(
    {
        "password:change:own", "session:revoke:own", "roles:manage", "accounts:suspend",
        "content:delete:any", "social:delete:any",
    }
)  # fmt: skip
"""What whoever stole a session would do first, or what reaches others: withheld while it is not known which
sessions have ended."""


def permissions_of(roles: frozenset[Role]) -> frozenset[str]:
    """Return everything that an account with these roles may do."""
    return frozenset().union(*(PERMISSIONS[role] for role in roles))
