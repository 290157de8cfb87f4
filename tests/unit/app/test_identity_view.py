"""What verifiers ask of identity: keys that can be read, revocations to the last page, announcements."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc.jwk import RSAKey

from nova.api.identity.v1 import identity_pb2 as pb
from nova.api.identity.v1.identity_pb2_grpc import (
    IdentityServiceServicer,
    IdentityServiceStub,
    add_IdentityServiceServicer_to_server,
)
from nova.app.identity_view import IdentityKeySource, IdentityRevocationFeed, RevocationListener
from nova.platform.auth.epochs import RevocationView
from nova.platform.auth.keys import KeyRing
from nova.platform.clock import SystemClock
from nova.platform.ids import uuid7
from nova.platform.redis.client import Redis, connect
from nova.platform.rpc.binding import ServiceBinding
from nova.platform.rpc.context import current_call
from nova.platform.rpc.validate import to_timestamp
from nova.services.identity.announcer import REVOCATIONS_CHANNEL, RedisAnnouncer
from nova.services.identity.model import Revocation, SessionId, UserId
from tests.one_room import Neighbourhood
from tests.tokens import private_key
from tests.waiting import until

AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class KnownIdentity(IdentityServiceServicer):
    """Plays identity: answers with the keys and revocations that a test gave it, to callers without a token."""

    keys: list[dict[str, str]] = field(default_factory=list)
    revocations: list[pb.Revocation] = field(default_factory=list)
    kids: list[str] = field(default_factory=list)
    pages: int = 0

    async def GetKeySet(self, request: pb.GetKeySetRequest, context: object) -> pb.GetKeySetResponse:
        assert current_call().actor is None
        return pb.GetKeySetResponse(jwks_json=json.dumps({"keys": self.keys}))

    async def ListRevocations(
        self, request: pb.ListRevocationsRequest, context: object
    ) -> pb.ListRevocationsResponse:
        assert current_call().actor is None
        self.pages += 1
        after = [each for each in self.revocations if each.seq > request.after_seq]
        return pb.ListRevocationsResponse(revocations=after[: request.page_size], kids=self.kids)


@dataclass
class Setting:
    identity: KnownIdentity
    neighbourhood: Neighbourhood
    stub: IdentityServiceStub
    ring: KeyRing


@pytest.fixture
async def setting() -> Setting:
    identity = KnownIdentity()  # type: ignore[abstract] # plays the two methods that are asked
    neighbourhood = Neighbourhood()
    binding = ServiceBinding(
        add_to_server=add_IdentityServiceServicer_to_server,
        servicer=identity,
        system_methods=frozenset({"GetKeySet", "ListRevocations"}),
    )
    await neighbourhood.open([binding])
    stub = IdentityServiceStub(neighbourhood.channel)
    ring = KeyRing(IdentityKeySource(stub), clock=SystemClock())
    return Setting(identity, neighbourhood, stub, ring)


def jwk(kid: str) -> dict[str, str]:
    public = RSAKey.import_key(private_key(kid)).as_dict(private=False)
    return {
        "kty": "RSA",
        "kid": kid,
        "n": str(public["n"]),
        "e": str(public["e"]),
        "use": "sig",
        "alg": "RS256",
    }


async def heard(redis: Redis) -> bool:
    """Return whether somebody listens to announcements."""
    _, listeners = await redis.execute("PUBSUB", "NUMSUB", REVOCATIONS_CHANNEL)
    return bool(listeners)


def message(seq: int, user_id: UUID, *, session_id: UUID | None = None, epoch: int = 0) -> pb.Revocation:
    return pb.Revocation(
        seq=seq,
        user_id=user_id.bytes,
        session_id=session_id.bytes if session_id else b"",
        epoch=epoch,
        revoked_at=to_timestamp(AT),
    )


async def test_published_keys_are_read_and_broken_ones_left_out(setting: Setting) -> None:
    setting.identity.keys = [
        jwk("a"),
        {"kty": "RSA", "kid": "b"},
        {"kty": "oct", "kid": "c", "k": "AAAA"},
        jwk("d"),
    ]
    keys = await IdentityKeySource(setting.stub).keys()
    assert set(keys) == {"a", "d"}
    assert all(isinstance(key, RSAPublicKey) for key in keys.values())
    assert keys["a"].public_numbers() == private_key("a").public_key().public_numbers()


async def test_revocations_are_read_to_the_last_page(setting: Setting) -> None:
    user_id = uuid7()
    setting.identity.revocations = [message(seq, user_id, epoch=seq) for seq in range(1, 12_002)]
    found = await IdentityRevocationFeed(setting.stub, setting.ring).since(1)
    assert [each.seq for each in found] == list(range(2, 12_002))
    assert setting.identity.pages == 3


async def test_a_revocation_is_of_a_session_or_of_an_epoch(setting: Setting) -> None:
    user_id, session_id = uuid7(), uuid7()
    setting.identity.revocations = [message(1, user_id, session_id=session_id), message(2, user_id, epoch=7)]
    of_session, of_epoch = await IdentityRevocationFeed(setting.stub, setting.ring).since(0)
    assert (of_session.session_id, of_session.epoch, of_session.at) == (session_id, None, AT)
    assert (of_epoch.session_id, of_epoch.epoch, of_epoch.user_id) == (None, 7, user_id)


async def test_t8_with_the_revocations_come_the_keys_that_verify(setting: Setting) -> None:
    setting.identity.keys = [jwk("a"), jwk("d")]
    assert await setting.ring.get("a") is not None
    feed = IdentityRevocationFeed(setting.stub, setting.ring)
    await feed.since(0)
    assert "a" in setting.ring, "an identity of the release before names no keys"
    setting.identity.kids = ["d"]
    await feed.since(0)
    assert await setting.ring.get("a") is None
    assert await setting.ring.get("d") is not None


async def test_they_are_asked_in_nobody_s_name(setting: Setting) -> None:
    with setting.neighbourhood.as_user(uuid7()):
        await IdentityKeySource(setting.stub).keys()
        await IdentityRevocationFeed(setting.stub, setting.ring).since(0)


async def test_an_announcement_reaches_the_view_and_junk_does_not_hurt(redis_url: str) -> None:
    view = RevocationView(clock=SystemClock())
    listener = RevocationListener(redis_url, view)
    redis = await connect(redis_url)
    user_id, session_id = UserId(uuid7()), SessionId(uuid7())
    try:
        await listener.start()
        await until(lambda: heard(redis))
        for junk in (b"", b"\xff\xff\xff", pb.Revocation(seq=1, user_id=b"abc").SerializeToString()):
            await redis.execute("PUBLISH", REVOCATIONS_CHANNEL, junk)
        await RedisAnnouncer(redis).announce(
            Revocation(
                seq=1, user_id=user_id, session_id=session_id, epoch=None, revoked_at=datetime.now(UTC)
            )
        )
        await until(lambda: view.is_revoked(user_id=user_id, session_id=session_id, epoch=0))
        assert len(view) == 1
    finally:
        await listener.stop()
        await redis.aclose()


async def test_without_redis_the_listener_starts_all_the_same() -> None:
    listener = RevocationListener("unix:///nowhere/valkey.sock", RevocationView(clock=SystemClock()))
    await listener.start()
    await listener.stop()
