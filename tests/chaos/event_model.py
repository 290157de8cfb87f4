"""What was acknowledged, kept beside the system under test, and what must be true of log and effects in the end."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from google.protobuf.wrappers_pb2 import BytesValue

from nova.platform.db.database import Database
from nova.platform.db.failures import CommitUnknown
from nova.platform.errors import Unavailable
from nova.platform.events import Event, Received, Topic
from nova.platform.ids import uuid7
from nova.platform.log.port import EventLog
from tests.scratch import EffectTx

THINGS = Topic("chaos.thing.done", BytesValue, key="value", partitions=4)
GROUP = "chaos"


async def write_effects(tx: EffectTx, events: Sequence[Received[BytesValue]]) -> None:
    """The consumer's handler: one row for each event that it is given."""
    await tx.add_effects([(event.id, event.key, int(event.value.value)) for event in events])


async def all_handled(log: EventLog) -> bool:
    """Whether the group has handled all that is in the log. This process has to have subscribed for it."""
    end, lag = await log.end([THINGS]), await log.lag(GROUP)
    return len(lag) == len(end) and not any(lag.values())


class Model:
    """Writes events, key by key, and remembers the outcome that each writer was told."""

    def __init__(self) -> None:
        self.acknowledged: dict[bytes, list[UUID]] = defaultdict(list)
        self.unknown: set[UUID] = set()

    async def emit(self, database: Database, key: bytes, count: int = 1) -> bool:
        """Emit `count` events of one key in a transaction; return whether it is known to be committed."""
        place = len(self.acknowledged[key])
        events = [
            Event(
                id=uuid7(),
                topic=THINGS.name,
                key=key,
                payload=BytesValue(value=b"%d" % (place + nth)).SerializeToString(),
                emitted_at=datetime.now(UTC),
            )
            for nth in range(count)
        ]
        try:
            async with database.transaction(EffectTx) as tx:
                for event in events:
                    tx.emit(event)
        except CommitUnknown:
            self.unknown |= {event.id for event in events}
            return False
        except Unavailable:
            return False
        self.acknowledged[key] += [event.id for event in events]
        return True

    def check_log(self, records: Iterable[tuple[bytes, UUID]]) -> None:
        """Assert: nothing acknowledged is missing, and keys are in order by first appearance."""
        seen: dict[bytes, dict[UUID, None]] = defaultdict(dict)
        for key, identifier in records:
            seen[key].setdefault(identifier)
        for key, ids in self.acknowledged.items():
            assert [one for one in seen[key] if one not in self.unknown] == ids
        self._check_strangers(identifier for ids in seen.values() for identifier in ids)

    def check_effects(self, effects: Sequence[tuple[bytes, UUID]]) -> None:
        """Assert: lost 0, doubled 0, inversions 0."""
        assert [found for found in Counter(effects).items() if found[1] > 1] == []
        for key, ids in self.acknowledged.items():
            assert [one for of, one in effects if of == key and one not in self.unknown] == ids
        self._check_strangers(identifier for _, identifier in effects)

    def _check_strangers(self, found: Iterable[UUID]) -> None:
        known = {identifier for ids in self.acknowledged.values() for identifier in ids} | self.unknown
        assert set(found) <= known
