"""The token verifier beside joserfc (RS256, 2048 bits, a token of about 800 bytes)."""

import asyncio
from collections.abc import Coroutine, Iterator
from datetime import timedelta
from typing import Any, TypeVar

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import RSAKey

from bench.micro.harness import Case, Contender, main
from nova.platform.auth.claims import AUDIENCE, ISSUER
from nova.platform.auth.epochs import Revocation, RevocationView
from nova.platform.auth.keys import KeyRing
from nova.platform.auth.tokens import Verified, Verifier
from nova.platform.clock import SystemClock
from nova.platform.ids import uuid7
from tests.tokens import Issuer, private_key

MODULE = "bench.micro.bench_jwt"
TOKENS = 512
T = TypeVar("T")

_CLAIMS = jwt.JWTClaimsRegistry(
    iss={"essential": True, "value": ISSUER},
    aud={"essential": True, "value": AUDIENCE},
    exp={"essential": True},
    iat={"essential": True},
    user_id={"essential": True},
    sid={"essential": True},
    leeway=30,
)


def finished(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that does not wait for anything."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("It waited.")


def cases() -> Iterator[Case]:
    """Verify a token the first time, and again; another token each call."""
    issuer, clock = Issuer(), SystemClock()
    tokens = [issuer.token() for _ in range(TOKENS)]
    revocations = RevocationView(clock=clock)
    for seq in range(1000):
        at = clock.now() - timedelta(seconds=seq)
        revocations.apply(Revocation(seq=seq, user_id=uuid7(), session_id=uuid7(), at=at))
    ring = KeyRing(issuer.keys(), clock=clock)
    asyncio.run(ring_filled(ring, issuer.kid))
    forgetful = Verifier(ring, clock=clock, revocations=revocations, most_known=0)
    verifier = Verifier(ring, clock=clock, revocations=revocations)
    pem = private_key(issuer.kid).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    key = RSAKey.import_key(pem)

    def first(turn: int) -> Verified:
        return finished(forgetful.verify(tokens[turn % TOKENS]))

    def again(turn: int) -> Verified:
        return finished(verifier.verify(tokens[turn % TOKENS]))

    def by_joserfc(turn: int) -> dict[str, Any]:
        token = jwt.decode(tokens[turn % TOKENS], key, algorithms=["RS256"])
        _CLAIMS.validate(token.claims)
        return token.claims

    def check(turn: int) -> None:
        claims = by_joserfc(turn)
        for verified in (first(turn), again(turn)):
            assert str(verified.actor.user_id) == claims["user_id"]
            assert str(verified.actor.session_id) == claims["sid"]
            assert int(verified.expires_at.timestamp()) == claims["exp"]

    size = len(tokens[0])
    peer = "joserfc, decode and claims"
    yield Case(
        f"verify a token of {size} bytes, first time",
        Contender("nova", first),
        [Contender(peer, by_joserfc, goal=0.45)],
        TOKENS,
        check,
    )
    yield Case(
        f"verify a token of {size} bytes, again, 1,000 sessions revoked",
        Contender("nova", again),
        [Contender(peer, by_joserfc)],
        TOKENS,
        check,
        goal_us=1,
    )


async def ring_filled(ring: KeyRing, kid: str) -> None:
    """Have the keys fetched, so that no call has to wait for them."""
    assert await ring.get(kid) is not None


if __name__ == "__main__":
    main(MODULE, cases)
