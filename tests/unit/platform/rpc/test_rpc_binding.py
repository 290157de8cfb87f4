"""Binding servicers: what is a system method, and what is refused before anything is served."""

import pytest

from nova.platform.rpc.binding import ServiceBinding, endpoints_of
from nova.platform.rpc.call import Method
from nova.platform.rpc.local import LocalServer
from tests.proto.echo_pb2_grpc import add_EchoServiceServicer_to_server
from tests.unit.platform.rpc.echo_house import Echo


def bound(*system: str) -> ServiceBinding:
    echo = Echo()  # type: ignore[abstract] # `Nothing` is left out on purpose
    return ServiceBinding(
        add_to_server=add_EchoServiceServicer_to_server, servicer=echo, system_methods=frozenset(system)
    )


def test_every_unary_method_becomes_an_endpoint() -> None:
    service, endpoints = endpoints_of(bound("DescribeCall"))
    assert service == "nova.api.echo.v1.EchoService"
    system = {endpoint.method.name: endpoint.method.system for endpoint in endpoints}
    assert system == {
        "GetProfiles": False,
        "DescribeCall": True,
        "Fail": False,
        "Wait": False,
        "Nothing": False,
    }


def test_a_system_method_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="DescribeCal"):
        endpoints_of(bound("DescribeCal"))


def test_a_service_is_bound_once() -> None:
    server = LocalServer(())
    server.bind([bound()])
    with pytest.raises(ValueError, match="already"):
        server.bind([bound()])


@pytest.mark.parametrize(
    ("path", "room", "name", "read_only"),
    [
        ("/nova.api.content.v1.ContentService/GetPosts", "content", "GetPosts", True),
        ("/nova.api.social.v1.SocialService/LikePost", "social", "LikePost", False),
        ("/grpc.health.v1.Health/Check", "", "Check", True),
    ],
)
def test_a_path_tells_room_name_and_whether_it_reads(
    path: str, room: str, name: str, *, read_only: bool
) -> None:
    method = Method.of(path)
    assert (method.room, method.name, method.read_only) == (room, name, read_only)
