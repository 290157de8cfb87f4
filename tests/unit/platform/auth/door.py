"""A token verifier with all that stands around it."""

from dataclasses import dataclass

from nova.platform.auth.epochs import RevocationView
from nova.platform.auth.keys import KeyRing
from nova.platform.auth.tokens import Verifier
from nova.platform.clock import FixedClock
from tests.tokens import Issuer, KnownKeys


@dataclass
class Door:
    """A verifier with all that stands around it."""

    clock: FixedClock
    issuer: Issuer
    keys: KnownKeys
    ring: KeyRing
    revocations: RevocationView
    verifier: Verifier
