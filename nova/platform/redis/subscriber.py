"""A connection that only listens: every message of one read is handed over in one call."""

from collections.abc import Callable, Sequence
from typing import Any

from nova.platform.redis.address import parse
from nova.platform.redis.connection import Connection, dial, pack
from nova.platform.redis.kept import Kept

Message = tuple[bytes, bytes]
_TIMEOUT_S = 1.0
# HELLO and SELECT are on their way together; later there is one PING at a time.
_GREETING = 2


class Subscriber:
    """Hears channels and reconnects by itself. Redis keeps nothing for a listener that was away.

    `on_messages` gets (channel, payload) pairs in order, once a read of the socket; it must not raise.
    `on_ready` is called after each subscription, the first included: the moment to ask what was missed.
    """

    def __init__(
        self,
        url: str,
        *,
        channels: Sequence[bytes],
        on_messages: Callable[[Sequence[Message]], None],
        on_ready: Callable[[], None],
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        self._address = parse(url)
        self._subscribe = pack((b"SUBSCRIBE", *channels))
        self._awaited = len(channels)
        self._on_messages = on_messages
        self._on_ready = on_ready
        self._timeout_s = timeout_s
        self._confirmed = 0
        self._kept = Kept(self._dial, up=self._up, down=self._down)

    @property
    def connected(self) -> bool:
        """Whether there is a server to hear."""
        return self._kept.connection is not None

    async def start(self) -> None:
        """Connect and subscribe, at once or as soon as somebody answers."""
        await self._kept.begin()

    async def aclose(self) -> None:
        """Stop listening."""
        await self._kept.aclose()

    async def _dial(self) -> Connection:
        return await dial(
            self._address, timeout_s=self._timeout_s, most_in_flight=_GREETING, on_pushes=self._hear
        )

    def _up(self, connection: Connection) -> None:
        connection.write(self._subscribe)

    def _down(self) -> None:
        self._confirmed = 0

    def _hear(self, pushes: Sequence[list[Any]]) -> None:
        messages: list[Message] = []
        for push in pushes:
            if push[0] == b"message":
                messages.append((push[1], push[2]))
            elif push[0] == b"subscribe":
                self._confirmed += 1
        if messages:
            self._on_messages(messages)
        if self._confirmed == self._awaited:
            self._confirmed = 0
            self._on_ready()
