"""gRPC in, a verb of graph, gRPC out. No decisions."""

from collections.abc import Sequence

from nova.api.graph.v1 import graph_pb2 as pb
from nova.api.graph.v1.graph_pb2_grpc import GraphServiceServicer
from nova.native.ids import ID_BYTES
from nova.platform.db.idempotency import Once
from nova.platform.errors import InvalidArgument
from nova.platform.rpc.context import current_actor
from nova.platform.rpc.page_tokens import place_of, token_of
from nova.platform.rpc.validate import page_size, uuid_of
from nova.services.graph.model import DEEPEST_PATH, FollowState, ListPage, Row, Suggestion, UserId
from nova.services.graph.service.following import Following
from nova.services.graph.service.reading import Reading
from nova.services.graph.service.suggesting import Suggesting

MOST_SUBJECTS = 1000
MOST_COUNTED = 200
MOST_SUGGESTED = 50


class GraphServer(GraphServiceServicer):
    """Graph's servicer."""

    def __init__(self, *, following: Following, reading: Reading, suggesting: Suggesting, once: Once) -> None:
        self._following = following
        self._reading = reading
        self._suggesting = suggesting
        self._once = once

    async def FollowUser(self, request: pb.FollowUserRequest, context: object) -> pb.FollowUserResponse:
        user_id = _user_id(request.user_id)
        return await self._once(
            request,
            pb.FollowUserResponse,
            lambda: self._following.follow(current_actor(), user_id),
            present=lambda state: pb.FollowUserResponse(state=_state(state)),
        )

    async def UnfollowUser(self, request: pb.UnfollowUserRequest, context: object) -> pb.UnfollowUserResponse:
        user_id = _user_id(request.user_id)
        return await self._once(
            request,
            pb.UnfollowUserResponse,
            lambda: self._following.unfollow(current_actor(), user_id),
            present=lambda state: pb.UnfollowUserResponse(state=_state(state)),
        )

    async def RemoveFollower(
        self, request: pb.RemoveFollowerRequest, context: object
    ) -> pb.RemoveFollowerResponse:
        user_id = _user_id(request.user_id)
        return await self._once(
            request,
            pb.RemoveFollowerResponse,
            lambda: self._following.remove_follower(current_actor(), user_id),
            present=lambda _: pb.RemoveFollowerResponse(),
        )

    async def AcceptFollow(self, request: pb.AcceptFollowRequest, context: object) -> pb.AcceptFollowResponse:
        user_id = _user_id(request.user_id)
        return await self._once(
            request,
            pb.AcceptFollowResponse,
            lambda: self._following.accept(current_actor(), user_id),
            present=lambda _: pb.AcceptFollowResponse(),
        )

    async def RejectFollow(self, request: pb.RejectFollowRequest, context: object) -> pb.RejectFollowResponse:
        user_id = _user_id(request.user_id)
        return await self._once(
            request,
            pb.RejectFollowResponse,
            lambda: self._following.reject(current_actor(), user_id),
            present=lambda _: pb.RejectFollowResponse(),
        )

    async def ListFollowers(
        self, request: pb.ListFollowersRequest, context: object
    ) -> pb.ListFollowersResponse:
        page = self._reading.followers(
            current_actor(),
            _user_id(request.user_id),
            before=_row_before(request.page_token),
            limit=page_size(request.page_size, most=100, default=20),
        )
        return pb.ListFollowersResponse(edges=map(_edge, page.rows), next_page_token=_next(page))

    async def ListFollowing(
        self, request: pb.ListFollowingRequest, context: object
    ) -> pb.ListFollowingResponse:
        page = self._reading.following(
            current_actor(),
            _user_id(request.user_id),
            before=_row_before(request.page_token),
            limit=page_size(request.page_size, most=100, default=20),
        )
        return pb.ListFollowingResponse(edges=map(_edge, page.rows), next_page_token=_next(page))

    async def ListFollowRequests(
        self, request: pb.ListFollowRequestsRequest, context: object
    ) -> pb.ListFollowRequestsResponse:
        page = self._reading.requesters(
            current_actor(),
            before=_row_before(request.page_token),
            limit=page_size(request.page_size, most=100, default=20),
        )
        return pb.ListFollowRequestsResponse(edges=map(_edge, page.rows), next_page_token=_next(page))

    async def GetRelations(self, request: pb.GetRelationsRequest, context: object) -> pb.GetRelationsResponse:
        subjects = _packed(request.subject_ids, "subject_ids", most=MOST_SUBJECTS)
        return pb.GetRelationsResponse(relations=self._reading.relations(current_actor(), subjects))

    async def GetHidden(self, request: pb.GetHiddenRequest, context: object) -> pb.GetHiddenResponse:
        return pb.GetHiddenResponse(user_ids=self._reading.hidden(current_actor()))

    async def GetFollowCounts(
        self, request: pb.GetFollowCountsRequest, context: object
    ) -> pb.GetFollowCountsResponse:
        subjects = _packed(request.user_ids, "user_ids", most=MOST_COUNTED)
        counts = self._reading.counts(current_actor(), subjects)
        return pb.GetFollowCountsResponse(
            counts=[
                pb.FollowCounts(follower_count=count.followers, following_count=count.following)
                for count in counts
            ]
        )

    async def GetFollowing(self, request: pb.GetFollowingRequest, context: object) -> pb.GetFollowingResponse:
        return pb.GetFollowingResponse(user_ids=await self._reading.all_following(current_actor()))

    async def FindPath(self, request: pb.FindPathRequest, context: object) -> pb.FindPathResponse:
        path = await self._reading.path(
            current_actor(),
            UserId(uuid_of(request.from_user_id, "from_user_id")),
            UserId(uuid_of(request.to_user_id, "to_user_id")),
            max_depth=page_size(request.max_depth, most=DEEPEST_PATH, default=4, field="max_depth"),
        )
        return pb.FindPathResponse(user_ids=[user_id.bytes for user_id in path])

    async def SuggestUsers(self, request: pb.SuggestUsersRequest, context: object) -> pb.SuggestUsersResponse:
        limit = page_size(request.page_size, most=MOST_SUGGESTED, default=10)
        suggestions = await self._suggesting.suggest(current_actor(), limit=limit)
        return pb.SuggestUsersResponse(suggestions=map(_suggestion, suggestions))


def _user_id(value: bytes) -> UserId:
    return UserId(uuid_of(value, "user_id"))


def _packed(values: Sequence[bytes], field: str, *, most: int) -> bytes:
    """Return ids as the adjacency takes them: 16 bytes each, side by side."""
    if len(values) > most:
        raise InvalidArgument(f"{field} may hold at most {most} ids.", field=field)
    if any(len(value) != ID_BYTES for value in values):
        raise InvalidArgument(f"{field} must be ids of 16 bytes.", field=field)
    return b"".join(values)


def _state(state: FollowState) -> pb.FollowState.ValueType:
    return pb.FollowState.ValueType(state.value)


def _row_token(row: Row) -> bytes:
    return token_of(row.since_ms, row.user_id)


def _row_before(token: bytes) -> Row | None:
    place = place_of(token)
    return None if place is None else Row(user_id=UserId(place[1]), since_ms=place[0])


def _edge(row: Row) -> pb.UserEdge:
    edge = pb.UserEdge(user_id=row.user_id.bytes, page_token=_row_token(row))
    edge.since.FromMilliseconds(row.since_ms)
    return edge


def _next(page: ListPage) -> bytes:
    return _row_token(page.rows[-1]) if page.more else b""


def _suggestion(suggestion: Suggestion) -> pb.Suggestion:
    return pb.Suggestion(
        user_id=suggestion.user_id.bytes,
        score=suggestion.score,
        mutual_count=suggestion.mutual_count,
        mutual_ids=[user_id.bytes for user_id in suggestion.mutual_ids],
    )
