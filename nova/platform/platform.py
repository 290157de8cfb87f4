"""What the house gives a room: handed to `wiring.build`, and to nothing else."""

from collections.abc import Callable
from dataclasses import dataclass, field

from nova.platform.auth.epochs import RevocationView
from nova.platform.auth.tokens import Verifier
from nova.platform.blobs import Blobs
from nova.platform.cache.caches import Caches
from nova.platform.clock import Clock
from nova.platform.config import Config
from nova.platform.db.database import Database
from nova.platform.health import Health
from nova.platform.log.port import EventLog
from nova.platform.redis.client import Redis
from nova.platform.rpc.channel import Channel
from nova.platform.strain import Strain
from nova.platform.tasks import Tasks
from nova.platform.telemetry.tracing import Tracing


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """The infrastructure of one process, made by the composition root.

    `database(room)` is the room's own schema under its own role; `channel(room)` is what stubs of that room
    are built on. Pass a room's classes the few things that they need, never the whole of this.
    """

    config: Config
    clock: Clock
    database: Callable[[str], Database]
    redis: Redis
    caches: Caches
    log: EventLog
    blobs: Blobs
    channel: Callable[[str], Channel]
    verifier: Verifier
    revocations: RevocationView
    tasks: Tasks
    health: Health
    tracing: Tracing
    strain: Strain = field(default_factory=Strain)
