"""The room that graph calls, in its own words."""

from collections.abc import AsyncIterator, Iterable
from typing import Final
from uuid import UUID

from nova.api.user.v1 import user_pb2 as pb
from nova.api.user.v1.user_pb2_grpc import UserServiceStub
from nova.platform.errors import NotFound
from nova.services.graph.model import (
    BlockState,
    EdgeBatch,
    FlagBatch,
    FollowTerms,
    Privacy,
    RestrictionPage,
    UserId,
    UserNotFound,
)

RESTRICTIONS_A_PAGE: Final = 5000


class UserTerms:
    """Implements `Users` over user's gRPC service."""

    def __init__(self, users: UserServiceStub) -> None:
        self._users = users

    async def terms(self, user_id: UserId) -> FollowTerms:
        """Return what decides whether the caller may follow somebody."""
        try:
            answer = await self._users.GetFollowTerms(pb.GetFollowTermsRequest(user_id=user_id.bytes))
        except NotFound as error:
            raise UserNotFound(field="user_id") from error
        return FollowTerms(
            privacy=Privacy(user_id=user_id, is_private=answer.is_private, version=answer.profile_version),
            blocks=[
                BlockState(
                    user_id=UserId(UUID(bytes=block.user_id)),
                    blocked_id=UserId(UUID(bytes=block.blocked_id)),
                    lifted=block.lifted,
                    version=block.version,
                )
                for block in answer.blocks
            ],
        )


class UserRestrictions:
    """Implements `Restrictions` over user's gRPC service."""

    def __init__(self, users: UserServiceStub) -> None:
        self._users = users

    async def pages(self) -> AsyncIterator[RestrictionPage]:
        """Yield all blocks, mutes, private accounts, and who does not want to be suggested."""
        token = b""
        while True:
            answer = await self._users.ListRestrictions(
                pb.ListRestrictionsRequest(page_size=RESTRICTIONS_A_PAGE, page_token=token)
            )
            yield _page(answer.restrictions)
            token = answer.next_page_token
            if not token:
                return


def _page(restrictions: Iterable[pb.Restriction]) -> RestrictionPage:
    by_kind: dict[int, list[pb.Restriction]] = {}
    for restriction in restrictions:
        by_kind.setdefault(restriction.kind, []).append(restriction)
    blocks = by_kind.get(pb.RESTRICTION_KIND_BLOCK, [])
    mutes = by_kind.get(pb.RESTRICTION_KIND_MUTE, [])
    return RestrictionPage(
        blocks=_edges(blocks, [block.since.ToMilliseconds() for block in blocks]),
        mutes=_edges(mutes, [mute.until.ToMilliseconds() if mute.HasField("until") else 0 for mute in mutes]),
        private=_flags(by_kind.get(pb.RESTRICTION_KIND_PRIVATE, [])),
        unsuggested=_flags(by_kind.get(pb.RESTRICTION_KIND_UNSUGGESTED, [])),
    )


def _edges(restrictions: list[pb.Restriction], at_ms: list[int]) -> EdgeBatch:
    return EdgeBatch(
        sources=b"".join(restriction.user_id for restriction in restrictions),
        targets=b"".join(restriction.other_id for restriction in restrictions),
        at_ms=at_ms,
        versions=[restriction.version for restriction in restrictions],
    )


def _flags(restrictions: list[pb.Restriction]) -> FlagBatch:
    return FlagBatch(
        users=b"".join(restriction.user_id for restriction in restrictions),
        versions=[restriction.version for restriction in restrictions],
    )
