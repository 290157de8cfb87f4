"""What verifiers must know of identity, asked over its gRPC service: the public keys, and what was revoked.

The floor verifies tokens and knows no room; here its two questions meet identity's answers. They are asked in the
name of nobody: with the caller's token along, a token would be verified in order to learn how to verify it.
"""

import json
from collections.abc import Mapping, Sequence

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from google.protobuf.message import DecodeError
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from nova.api.identity.v1 import identity_pb2 as pb
from nova.api.identity.v1.identity_pb2_grpc import IdentityServiceStub
from nova.platform.auth.epochs import Revocation, RevocationView
from nova.platform.auth.keys import KeyRing
from nova.platform.errors import InvalidArgument
from nova.platform.redis.subscriber import Message, Subscriber
from nova.platform.rpc.context import EMPTY, entered
from nova.platform.rpc.validate import optional_uuid_of, time_of, uuid_of
from nova.services.identity.announcer import REVOCATIONS_CHANNEL

_log = structlog.get_logger(__name__)
_PAGE = 5000


class IdentityKeySource:
    """Implements `KeySource` over `GetKeySet`."""

    def __init__(self, identity: IdentityServiceStub) -> None:
        self._identity = identity

    async def keys(self) -> Mapping[str, RSAPublicKey]:
        """Return the published keys by id; one that cannot be read is left out."""
        with entered(EMPTY):
            answer = await self._identity.GetKeySet(pb.GetKeySetRequest())
        keys: dict[str, RSAPublicKey] = {}
        for jwk in json.loads(answer.jwks_json)["keys"]:
            try:
                keys[jwk["kid"]] = RSAKey.import_key(jwk).public_key
            except (JoseError, ValueError, KeyError) as error:
                _log.warning("published_key_unreadable", error=type(error).__name__)
        return keys


class IdentityRevocationFeed:
    """Implements `RevocationFeed` over `ListRevocations`, and tells the ring which keys verify at that moment."""

    def __init__(self, identity: IdentityServiceStub, keys: KeyRing) -> None:
        self._identity = identity
        self._keys = keys

    async def since(self, seq: int) -> Sequence[Revocation]:
        """Return all revocations after `seq`, in order."""
        found: list[Revocation] = []
        while True:
            request = pb.ListRevocationsRequest(after_seq=found[-1].seq if found else seq, page_size=_PAGE)
            with entered(EMPTY):
                answer = await self._identity.ListRevocations(request)
            found += (_revocation(message) for message in answer.revocations)
            if len(answer.revocations) < _PAGE:
                if answer.kids:  # an identity of the release before names none
                    self._keys.expect(frozenset(answer.kids))
                return found


class RevocationListener:
    """Applies revocations the moment they are announced over Redis. The poll catches what is missed here."""

    def __init__(self, url: str, view: RevocationView) -> None:
        self._view = view
        self._subscriber = Subscriber(
            url, channels=[REVOCATIONS_CHANNEL], on_messages=self._hear, on_ready=_nothing
        )

    async def start(self) -> None:
        """Begin to listen. While Redis is away the process lives on the poll alone."""
        await self._subscriber.start()

    async def stop(self) -> None:
        """Stop listening."""
        await self._subscriber.aclose()

    def _hear(self, messages: Sequence[Message]) -> None:
        for _, payload in messages:
            try:
                self._view.apply(_revocation(pb.Revocation.FromString(payload)))
            except (DecodeError, ValueError, InvalidArgument) as error:
                _log.warning("revocation_unreadable", error=type(error).__name__)


def _nothing() -> None:
    """Take no notice: what was announced before the subscription is found by the poll."""


def _revocation(message: pb.Revocation) -> Revocation:
    session_id = optional_uuid_of(message.session_id, "session_id")
    return Revocation(
        seq=message.seq,
        user_id=uuid_of(message.user_id, "user_id"),
        session_id=session_id,
        epoch=message.epoch if session_id is None else None,
        at=time_of(message.revoked_at, "revoked_at"),
    )
