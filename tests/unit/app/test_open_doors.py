"""What a room answers to any certificate of the platform: that it serves, and to developers what it can be asked."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from nova.api.user.v1.user_pb2_grpc import UserServiceServicer, add_UserServiceServicer_to_server
from nova.app.authority import PARTS, files_of, issue_all
from nova.app.house import House
from nova.app.ports import free_range
from nova.app.sources import Sources
from nova.platform.config import ROOMS, Config, Environment, Server
from nova.platform.room import Room
from nova.platform.rpc.binding import ServiceBinding
from nova.platform.rpc.certificates import Certificates
from nova.platform.rpc.peers import host_of

CODE = grpc.StatusCode
Ask = Callable[[grpc.aio.Channel], Awaitable[grpc.StatusCode]]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    issue_all(folder)
    return folder


@asynccontextmanager
async def room(certificates: Path, environment: Environment, data: Path) -> AsyncIterator[str]:
    """Yield the address of a room as a house of that environment opens it, over mutual TLS."""
    base = free_range(2 * len(ROOMS) + 1)
    house = House(
        Config(server=Server(environment=environment, data=data, grpc_port_base=base)),
        Sources(room_dsns={}, outbox_dsns={}, log_dsn="", redis_url=""),
        rooms=("user",),
        listen=True,
        certificates=Certificates(files_of(certificates, "user"), "user"),
    )
    binding = ServiceBinding(
        add_to_server=add_UserServiceServicer_to_server,
        servicer=UserServiceServicer(),  # type: ignore[abstract] # none of its methods is asked
    )
    server = house._wire_server(Room(name="user", bindings=[binding]))
    await server.start()
    try:
        yield f"127.0.0.1:{server.port}"
    finally:
        await server.stop()
        house.tracing.close()


@asynccontextmanager
async def connected(certificates: Path, address: str, caller: str) -> AsyncIterator[grpc.aio.Channel]:
    shown = Certificates(files_of(certificates, caller), caller).held.for_channel()
    named = [("grpc.ssl_target_name_override", host_of("user"))]
    async with grpc.aio.secure_channel(address, shown, options=named) as channel:
        yield channel


async def health(channel: grpc.aio.Channel) -> grpc.StatusCode:
    await HealthStub(channel).Check(HealthCheckRequest(), timeout=10)
    return CODE.OK


async def reflection(channel: grpc.aio.Channel) -> grpc.StatusCode:
    """Ask in one piece: grpc.aio calls it INTERNAL when a stream is refused before its first message is out."""
    ask = channel.unary_unary(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        request_serializer=ServerReflectionRequest.SerializeToString,
        response_deserializer=ServerReflectionResponse.FromString,
    )
    try:
        await ask(ServerReflectionRequest(list_services="*"), timeout=10)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return CODE.OK


@pytest.mark.parametrize(
    ("environment", "ask", "told"),
    [
        (Environment.PRODUCTION, health, CODE.OK),
        (Environment.PRODUCTION, reflection, CODE.UNIMPLEMENTED),
        (Environment.DEVELOPMENT, health, CODE.OK),
        (Environment.DEVELOPMENT, reflection, CODE.OK),
    ],
)
async def test_r1_what_every_certificate_is_answered(
    certificates: Path, tmp_path: Path, environment: Environment, ask: Ask, told: grpc.StatusCode
) -> None:
    async with room(certificates, environment, tmp_path) as address:
        for caller in PARTS:
            async with connected(certificates, address, caller) as channel:
                assert await ask(channel) is told, caller
