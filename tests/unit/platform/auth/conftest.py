"""A verifier whose clock stands still, and the issuer that it trusts."""

from datetime import UTC, datetime

import pytest

from nova.platform.auth.epochs import RevocationView
from nova.platform.auth.keys import KeyRing
from nova.platform.auth.tokens import Verifier
from nova.platform.clock import FixedClock
from tests.tokens import Issuer
from tests.unit.platform.auth.door import Door


@pytest.fixture
def door() -> Door:
    # Tokens know whole seconds only.
    now = datetime.now(UTC).replace(microsecond=0)
    clock, issuer = FixedClock(now), Issuer(now=now)
    keys = issuer.keys()
    ring, revocations = KeyRing(keys, clock=clock), RevocationView(clock=clock)
    return Door(clock, issuer, keys, ring, revocations, Verifier(ring, clock=clock, revocations=revocations))
