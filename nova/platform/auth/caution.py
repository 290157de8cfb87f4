"""What must not rest on an old view of revocations.

Everything else goes on while the room that owns sessions cannot be heard: reading and posting under a token that was
revoked a moment ago does little harm. Which permissions do more is the policy's to say, in one list; where they are
used, `Actor.require` refuses them, as it refuses those that the account does not have.
"""

from dataclasses import replace

from nova.platform.auth.actor import Actor
from nova.platform.auth.epochs import RevocationView


class Caution:
    """Withholds the permissions in `sensitive` while the view of revocations is not fresh."""

    def __init__(self, revocations: RevocationView, *, sensitive: frozenset[str]) -> None:
        self._revocations = revocations
        self._sensitive = sensitive

    def advised(self, actor: Actor) -> Actor:
        """Return the actor with what he may not use at this moment."""
        if self._revocations.is_fresh():
            return actor
        return replace(actor, withheld=self._sensitive & actor.permissions)
