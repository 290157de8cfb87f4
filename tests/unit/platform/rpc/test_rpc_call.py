"""Calls through generated stubs, alike over both transports."""

import pytest

from nova.platform.errors import Conflict, Forbidden, Internal, InvalidArgument, NotFound, NovaError, RateLimited
from nova.platform.ids import uuid7
from nova.platform.rpc.context import CallContext, entered
from tests.proto.echo_pb2 import DescribeCallRequest, FailRequest, GetProfilesRequest, NothingRequest
from tests.unit.platform.rpc.echo_house import House, error_of

async def test_call_returns_the_answer_and_leaves_the_request_alone(house: House) -> None:
    ids = [uuid7().bytes for _ in range(20)]
    request = GetProfilesRequest(user_ids=ids)
    with entered(CallContext(actor=house.actor())):
        answer = await house.stub.GetProfiles(request)
    assert [profile.user_id for profile in answer.profiles] == ids
    assert list(request.user_ids) == ids
