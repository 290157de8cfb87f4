"""Who is asking: the bearer token, and what may be asked without one."""

from nova.gateway.documents import Operation
from nova.platform.auth.tokens import InvalidToken, Verified, Verifier
from nova.platform.errors import Unauthenticated

_SCHEME = "bearer "


async def verified(verifier: Verifier, authorization: str | None) -> Verified | None:
    """Return what the token in an Authorization header says, or None without one (RFC 6750).

    Raises `Unauthenticated` for a token that is not good: a request with a bad token is not an anonymous one.
    """
    if authorization is None:
        return None
    if not authorization[: len(_SCHEME)].lower() == _SCHEME:
        raise InvalidToken
    return await verifier.verify(authorization[len(_SCHEME) :].strip())


def require_viewer(operation: Operation) -> None:
    """Raise `Unauthenticated` unless every root field may be asked for without signing in."""
    for use in operation.roots:
        if use.known is not None and not use.known.facts.public:
            raise Unauthenticated(f"{use.name} needs a signed-in viewer: send an access token.")
