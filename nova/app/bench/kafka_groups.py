"""How far the groups of a Kafka are behind, as its brokers know it: for who is no member of any."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from nova.app.prepare import cluster_of
from nova.app.sources import Kafka

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer
    from aiokafka.admin import AIOKafkaAdminClient

    from nova.platform.log.kafka_cluster import Place

_KIND: Final = "consumer"
_SETTLED: Final = "Stable"


async def all_handled(kafka: Kafka) -> bool:
    """Return whether every group has settled, and committed all records of its partitions. Raises `Unavailable`."""
    from nova.platform.log.kafka_cluster import answered  # noqa: PLC0415 - only where there is one
    from nova.platform.log.kafka_ends import ended, started  # noqa: PLC0415 - as above

    cluster = cluster_of(kafka)
    admin, looker = cluster.admin(), cluster.reader()
    try:
        await started(admin)
        await started(looker)
        async with answered():
            known = await admin.list_consumer_groups()
            groups = [name for name, kind, *_ in known if kind == _KIND and name.startswith(cluster.prefix)]
            return bool(groups) and all([await _has_handled(admin, looker, group) for group in groups])
    finally:
        await ended(looker)
        await ended(admin)


async def _has_handled(admin: "AIOKafkaAdminClient", looker: "AIOKafkaConsumer", group: str) -> bool:
    places = await _dealt(admin, group)
    if not places:
        return False
    kept = await admin.list_consumer_group_offsets(group)
    ends = await looker.end_offsets(places)
    begins = await looker.beginning_offsets(places)
    return all(ends[place] <= (kept[place].offset if place in kept else begins[place]) for place in places)


async def _dealt(admin: "AIOKafkaAdminClient", group: str) -> "Collection[Place]":
    """Return the partitions that the members of a group have; none while they are being dealt."""
    from aiokafka.coordinator.protocol import ConsumerProtocol  # noqa: PLC0415 - as above

    (answer,) = await admin.describe_consumer_groups([group])
    ((_, _, state, _, _, members, *_),) = answer.groups
    if state != _SETTLED:
        return []
    return [
        place
        for *_, dealt in (member[:5] for member in members)
        for place in ConsumerProtocol.ASSIGNMENT.decode(dealt).partitions()
    ]
