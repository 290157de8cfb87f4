"""Revocations over Redis pub/sub: fast and without promise, beside the poll that is slower and certain."""

from nova.platform.redis.client import Redis
from nova.services.identity.model import Revocation
from nova.services.identity.server import revocation_message

REVOCATIONS_CHANNEL = b"identity:revocations"


class RedisAnnouncer:
    """Publishes each revocation as the protobuf message that `ListRevocations` answers with."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def announce(self, revocation: Revocation) -> None:
        """Publish it. Raises `Unavailable` when Redis is away."""
        message = revocation_message(revocation).SerializeToString()
        await self._redis.execute("PUBLISH", REVOCATIONS_CHANNEL, message)
