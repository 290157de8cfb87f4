"""Signing in without GraphQL: POST /auth/login, /auth/refresh, /auth/logout.

A client that may lose an answer sends an `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a repeat
under the key gets the same answer, where a refresh that is just sent again would end the session.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

from nova.api.identity.v1 import identity_pb2
from nova.api.identity.v1.identity_pb2_grpc import IdentityServiceStub
from nova.gateway.auth import verified
from nova.gateway.http import strict_json
from nova.gateway.http.request import Request
from nova.gateway.http.response import Refused, Response, json_response
from nova.platform.auth.actor import Actor
from nova.platform.auth.tokens import Verifier
from nova.platform.errors import InvalidArgument, Unauthenticated
from nova.platform.rpc.call import IDEMPOTENCY_KEY, IDEMPOTENCY_KEY_FORM
from nova.platform.rpc.context import CallContext, entered

R = TypeVar("R")

_TIMEOUT_S: Final = 10.0
_MOST_BYTES: Final = 16 << 10
_MOST_CHARS: Final = 4096


class SignInRoutes:
    """The handlers of /auth."""

    def __init__(self, identity: IdentityServiceStub, verifier: Verifier) -> None:
        self._identity = identity
        self._verifier = verifier

    async def login(self, request: Request) -> Response:
        """Open a session by handle or e-mail and password."""
        fields = await _fields(request, ("login", "password"))
        call = identity_pb2.SignInRequest(
            login=fields["login"],
            password=fields["password"],
            device=identity_pb2.Device(
                user_agent=request.client.user_agent, ip_address=request.client.address
            ),
        )
        answer = await _asked(request, None, lambda: self._identity.SignIn(call))
        return _tokens(answer.tokens)

    async def refresh(self, request: Request) -> Response:
        """Exchange a refresh token for the next pair."""
        fields = await _fields(request, ("refresh_token",))
        call = identity_pb2.RefreshSessionRequest(refresh_token=fields["refresh_token"])
        answer = await _asked(request, None, lambda: self._identity.RefreshSession(call))
        return _tokens(answer.tokens)

    async def logout(self, request: Request) -> Response:
        """End the session of the bearer token."""
        known = await verified(self._verifier, request.headers.get("authorization"))
        if known is None:
            raise Unauthenticated("Send the access token of the session to end.")
        call = identity_pb2.SignOutRequest()
        await _asked(request, known.actor, lambda: self._identity.SignOut(call))
        return Response(204)


async def _asked(request: Request, actor: Actor | None, call: Callable[[], Awaitable[R]]) -> R:
    context = CallContext(
        actor=actor,
        deadline=time.monotonic() + _TIMEOUT_S,
        correlation_id=request.request_id,
        idempotency_key=_key(request),
    )
    with entered(context):
        return await call()


def _key(request: Request) -> str | None:
    """Return the key of the request: in quotes, as the draft has it (RFC 8941, section 3.3.3), or without."""
    given = request.headers.get(IDEMPOTENCY_KEY, "").strip()
    key = given[1:-1] if given[:1] == given[-1:] == '"' else given
    if not given:
        return None
    if not IDEMPOTENCY_KEY_FORM.fullmatch(key):
        raise InvalidArgument("Idempotency-Key: 1 to 128 visible ASCII characters.", field=IDEMPOTENCY_KEY)
    return key


async def _fields(request: Request, names: tuple[str, ...]) -> Mapping[str, str]:
    """Return the members of a JSON body: these and no others, each a text."""
    if request.foreign_origin():
        raise Refused(403, "Pages of other origins may not ask here.")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, "Send application/json.")
    try:
        value: Any = strict_json.loads(await request.body(_MOST_BYTES))
    except strict_json.BadJson as error:
        raise InvalidArgument(f"The body cannot be read: {error}.") from None
    if not isinstance(value, dict):
        raise InvalidArgument("Send one JSON object.")
    for name in value:
        if name not in names:
            raise InvalidArgument(f"There is no such member: send {', '.join(names)}.", field=name[:64])
    for name in names:
        if not isinstance(value.get(name), str) or not 0 < len(value[name]) <= _MOST_CHARS:
            raise InvalidArgument(f"{name} must be a text of 1 to {_MOST_CHARS} characters.", field=name)
    return value


def _tokens(tokens: identity_pb2.Tokens) -> Response:
    """Return a pair in the form of RFC 6749, section 5.1."""
    return json_response(
        {
            "access_token": tokens.access_token,
            "refresh_token": tokens.refresh_token,
            "token_type": "Bearer",
            "expires_in": tokens.expires_in_s,
        }
    )
