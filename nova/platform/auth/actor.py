"""The one on whose behalf a call is made, as its verified token says."""

from dataclasses import dataclass
from uuid import UUID

from nova.platform.errors import Forbidden, Unavailable


class RevocationUnknown(Unavailable):
    """Whether this session still stands is not known at the moment: try again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A signed-in account. `token` is kept to be sent on to the next room, and is never shown.

    `withheld` are permissions that the account holds and cannot use just now: see `Caution`.
    """

    user_id: UUID
    session_id: UUID
    roles: frozenset[str]
    permissions: frozenset[str]
    token: str
    withheld: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"Actor(user_id={self.user_id}, roles={sorted(self.roles)})"

    def may(self, permission: str) -> bool:
        """Return whether the account holds `permission`, such as `content:delete:any`."""
        return permission in self.permissions

    def require(self, permission: str) -> None:
        """Raise `Forbidden` unless the account holds `permission`, `RevocationUnknown` while it is withheld."""
        if permission not in self.permissions:
            raise Forbidden(f"This needs the permission {permission}.")
        if permission in self.withheld:
            raise RevocationUnknown(retry_after_s=1.0)
