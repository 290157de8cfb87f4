"""Plays user: knows who is private, who blocks and mutes whom, tells of it, and can be out of reach."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

from nova.api.identity.v1.events_pb2 import UserCreatedEvent
from nova.api.user.v1 import user_pb2 as pb
from nova.api.user.v1.events_pb2 import BlockEvent, MuteEvent, ProfileUpdatedEvent
from nova.api.user.v1.user_pb2_grpc import UserServiceServicer
from nova.platform.errors import NotFound, Unavailable
from nova.platform.events import Event
from nova.platform.ids import uuid7
from nova.platform.rpc.context import current_actor
from nova.platform.rpc.validate import to_timestamp
from nova.services.graph import events

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Tie:
    """A block or a mute, standing or lifted."""

    since: datetime
    version: int
    lifted: bool = False
    until: datetime | None = None


class KnownUsers(UserServiceServicer):
    """Holds the truth at once; each change returns the event by which graph will hear of it."""

    def __init__(self) -> None:
        self.private: dict[UUID, bool] = {}
        self.suggestible: dict[UUID, bool] = {}
        self.versions: dict[UUID, int] = {}
        self.blocks: dict[tuple[UUID, UUID], Tie] = {}
        self.mutes: dict[tuple[UUID, UUID], Tie] = {}
        self.down = False
        self.asked = 0
        self.clock = count(1)

    def _now(self) -> tuple[int, datetime]:
        tick = next(self.clock)
        return tick, START + timedelta(seconds=tick)

    def people(self, number: int) -> list[UUID]:
        """Open accounts; graph is not told."""
        opened = [uuid7() for _ in range(number)]
        for user_id in opened:
            self.private[user_id], self.suggestible[user_id] = False, True
            self.versions[user_id] = self._now()[0]
        return opened

    def opened(self, user_id: UUID) -> Event:
        value = UserCreatedEvent(user_id=user_id.bytes, handle="somebody")
        return events.USER_CREATED.event(value)

    def change(self, user_id: UUID, *, private: bool | None = None, suggestible: bool | None = None) -> Event:
        """Change an account."""
        self.versions[user_id], at = self._now()
        if private is not None:
            self.private[user_id] = private
        if suggestible is not None:
            self.suggestible[user_id] = suggestible
        value = ProfileUpdatedEvent(
            user_id=user_id.bytes,
            is_private=self.private[user_id],
            suggestible=self.suggestible[user_id],
            version=self.versions[user_id],
            updated_at=to_timestamp(at),
        )
        return events.PROFILE_UPDATED.event(value)

    def block(self, user_id: UUID, blocked_id: UUID) -> Event:
        version, at = self._now()
        self.blocks[user_id, blocked_id] = Tie(at, version)
        value = BlockEvent(
            user_id=user_id.bytes, blocked_id=blocked_id.bytes, version=version, occurred_at=to_timestamp(at)
        )
        return events.BLOCK_CREATED.event(value)

    def unblock(self, user_id: UUID, blocked_id: UUID) -> Event:
        version, at = self._now()
        tie = self.blocks[user_id, blocked_id]
        tie.lifted, tie.version = True, version
        value = BlockEvent(
            user_id=user_id.bytes, blocked_id=blocked_id.bytes, version=version, occurred_at=to_timestamp(at)
        )
        return events.BLOCK_DELETED.event(value)

    def mute(self, user_id: UUID, muted_id: UUID, until: datetime | None = None) -> Event:
        version, at = self._now()
        self.mutes[user_id, muted_id] = Tie(at, version, until=until)
        value = MuteEvent(
            user_id=user_id.bytes, muted_id=muted_id.bytes, version=version, occurred_at=to_timestamp(at),
            until=None if until is None else to_timestamp(until),
        )  # fmt: skip
        return events.MUTE_CREATED.event(value)

    def unmute(self, user_id: UUID, muted_id: UUID) -> Event:
        version, at = self._now()
        tie = self.mutes[user_id, muted_id]
        tie.lifted, tie.version = True, version
        value = MuteEvent(
            user_id=user_id.bytes, muted_id=muted_id.bytes, version=version, occurred_at=to_timestamp(at)
        )
        return events.MUTE_DELETED.event(value)

    async def GetFollowTerms(
        self, request: pb.GetFollowTermsRequest, context: object
    ) -> pb.GetFollowTermsResponse:
        self._ask()
        me, user_id = current_actor().user_id, UUID(bytes=request.user_id)
        if user_id not in self.private:
            raise NotFound(reason="USER_NOT_FOUND")
        return pb.GetFollowTermsResponse(
            is_private=self.private[user_id],
            profile_version=self.versions[user_id],
            blocks=[
                pb.BlockState(
                    user_id=pair[0].bytes, blocked_id=pair[1].bytes, lifted=tie.lifted, version=tie.version
                )
                for pair in ((me, user_id), (user_id, me))
                if (tie := self.blocks.get(pair)) is not None
            ],
        )

    async def ListRestrictions(
        self, request: pb.ListRestrictionsRequest, context: object
    ) -> pb.ListRestrictionsResponse:
        self._ask()
        entries = list(self._restrictions())
        start = int.from_bytes(request.page_token, "big")
        end = start + 3
        return pb.ListRestrictionsResponse(
            restrictions=entries[start:end],
            next_page_token=end.to_bytes(4, "big") if end < len(entries) else b"",
        )

    def _restrictions(self) -> Iterable[pb.Restriction]:
        for kind, ties in (
            (pb.RESTRICTION_KIND_BLOCK, self.blocks),
            (pb.RESTRICTION_KIND_MUTE, self.mutes),
        ):
            for (user_id, other_id), tie in ties.items():
                if not tie.lifted:
                    yield pb.Restriction(
                        kind=kind,
                        user_id=user_id.bytes,
                        other_id=other_id.bytes,
                        since=to_timestamp(tie.since),
                        until=None if tie.until is None else to_timestamp(tie.until),
                        version=tie.version,
                    )
        for user_id, version in self.versions.items():
            if self.private[user_id]:
                yield pb.Restriction(kind=pb.RESTRICTION_KIND_PRIVATE, user_id=user_id.bytes, version=version)
            if not self.suggestible[user_id]:
                yield pb.Restriction(
                    kind=pb.RESTRICTION_KIND_UNSUGGESTED, user_id=user_id.bytes, version=version
                )

    def _ask(self) -> None:
        self.asked += 1
        if self.down:
            raise Unavailable
