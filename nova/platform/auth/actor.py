"""The one on whose behalf a call is made, as its verified token says."""

from dataclasses import dataclass
from uuid import UUID

from nova.platform.errors import Forbidden


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A signed-in account. `token` is kept to be sent on to the next room, and is never shown."""

    user_id: UUID
    session_id: UUID
    roles: frozenset[str]
    permissions: frozenset[str]
    token: str

    def __repr__(self) -> str:
        return f"Actor(user_id={self.user_id}, roles={sorted(self.roles)})"

    def may(self, permission: str) -> bool:
        """Return whether the account holds `permission`, such as `content:delete:any`."""
        return permission in self.permissions

    def require(self, permission: str) -> None:
        """Raise `Forbidden` unless the account holds `permission`."""
        if permission not in self.permissions:
            raise Forbidden(f"This needs the permission {permission}.")
