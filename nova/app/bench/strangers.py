"""Who is refused at the port of every room: whoever has no good certificate, and whoever has no good token.

A process a room, over mutual TLS. Strangers to the transport ask one method of each room, for they do not get as far as
a method; a part that may not call, and a token that is none, are tried at every one.
"""

import base64
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Final, NamedTuple

import grpc
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from nova.app.authority import PARTS, Authority, files_of
from nova.app.bench.client import Client
from nova.app.bench.figures import Figure, Result
from nova.app.bench.own_nova import described, own_nova
from nova.app.bench.visitors import signed_in
from nova.app.callers import GATEWAY, callers_of
from nova.app.ports import free_range
from nova.app.processes import all_ports
from nova.app.rooms import ROOMS
from nova.platform.config import Config, Server, World
from nova.platform.errors import InvalidArgument
from nova.platform.rpc.call import AUTHORIZATION
from nova.platform.rpc.peers import host_of
from nova.platform.rpc.tls import CertificateFiles

CODE: Final = grpc.StatusCode
LONGEST_S: Final = 10.0
_KEY_BITS: Final = 2048
_NOTES: Final = (
    "Each column: how many calls were refused, of all that were made; none may be let in.",
    "plain text, no certificate, strange authority, expired: the connection is refused, with a good token.",
    "wrong part: every part of the platform that a method does not list, with its own certificate and a good token.",
    "no token, altered, foreign key: a part that may call, at every method but those that need no user.",
    "let in: a part that may call, with a good token: else a room that answers nobody would refuse everybody.",
)


class Method(NamedTuple):
    """A method of a room. `system`: it is called in nobody's name."""

    path: str
    system: bool


def methods_of(room: str) -> Sequence[Method]:
    """Return the methods of a room, as its proto says."""
    descriptor = import_module(f"nova.api.{room}.v1.{room}_pb2").DESCRIPTOR
    (service,) = descriptor.services_by_name.values()
    server = import_module(f"nova.services.{room}.server")
    system: frozenset[str] = getattr(server, "SYSTEM_METHODS", frozenset())
    return [
        Method(f"/{service.full_name}/{method.name}", method.name in system) for method in service.methods
    ]


def callers_and_others(room: str, path: str) -> tuple[str, list[str]]:
    """Return a part that may call a method, and all that may not."""
    listed = callers_of(room, path.rpartition("/")[2])
    return min(listed), [part for part in PARTS if part not in listed]


def bearer(token: str) -> Sequence[tuple[str, str]]:
    """Return the metadata that shows a token."""
    return ((AUTHORIZATION, f"Bearer {token}"),)


async def status(
    channel: grpc.aio.Channel, path: str, metadata: Sequence[tuple[str, str]] = ()
) -> grpc.StatusCode:
    """Call a method with an empty message; return what is said of it."""
    ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
    try:
        await ask(b"", metadata=metadata, timeout=LONGEST_S)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return CODE.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The rooms that listen above `base`, whose authority keeps its files in a folder."""

    base: int
    certificates: Path

    @asynccontextmanager
    async def connected(self, room: str, files: CertificateFiles | None) -> AsyncIterator[grpc.aio.Channel]:
        """Yield a channel that trusts the platform and shows the certificate of these files, or none."""
        trusted = files_of(self.certificates, GATEWAY).authority.read_bytes()
        own = (files.key.read_bytes(), files.certificate.read_bytes()) if files else ()
        named = [("grpc.ssl_target_name_override", host_of(room))]
        credentials = grpc.ssl_channel_credentials(trusted, *own)
        async with grpc.aio.secure_channel(self.address(room), credentials, options=named) as channel:
            yield channel

    @asynccontextmanager
    async def in_plain_text(self, room: str) -> AsyncIterator[grpc.aio.Channel]:
        """Yield a channel without TLS."""
        async with grpc.aio.insecure_channel(self.address(room)) as channel:
            yield channel

    def as_part(self, room: str, part: str) -> AbstractAsyncContextManager[grpc.aio.Channel]:
        """Return a channel with the certificate of a part."""
        return self.connected(room, files_of(self.certificates, part))

    def address(self, room: str) -> str:
        """Return where a room answers gRPC."""
        return Server(grpc_port_base=self.base).grpc_listens_at(room)


async def strangers(config: Config) -> Result:
    """Start a Nova in a folder of its own, and have strangers knock at the port of every room."""
    world = config.server.world
    if world is World.NONE:
        raise InvalidArgument("A good token is somebody's: unset NOVA_WORLD, or choose small, medium or big.")
    base = free_range(all_ports())
    with tempfile.TemporaryDirectory(prefix="nova-bench-") as folder:
        data = Path(folder) / "data"
        async with own_nova(data, world, "--processes", knobs={"NOVA_GRPC_PORT_BASE": str(base)}) as nova:
            client = await Client.connect(nova.graphql)
            token = await signed_in(client, nova.handles[0], nova.password)
            await client.aclose()
            knocking = Knocking(Ports(base=base, certificates=data / "certificates"), token, Path(folder))
            figures = [figure for room in ROOMS for figure in await knocking.at(room)]
    return Result(
        benchmark="strangers",
        machine=described(world, processes=True),
        figures=figures,
        notes=_NOTES,
        by_case=True,
    )


class Knocking:
    """All strangers, with what they show; `folder` is where they make certificates."""

    def __init__(self, ports: Ports, token: str, folder: Path) -> None:
        self._ports = ports
        self._token = token
        self._certificates: Mapping[str, CertificateFiles | None] = {
            "no certificate": None,
            "strange authority": Authority.of(folder / "strange").issue(GATEWAY),
            "expired": expired(ports.certificates, folder / "old"),
        }
        self._tokens: Mapping[str, Sequence[tuple[str, str]]] = {
            "no token": (),
            "altered": bearer(altered(token)),
            "foreign key": bearer(of_another_key(token)),
        }

    async def at(self, room: str) -> list[Figure]:
        """Knock at a room, and return what came of it."""
        asked: dict[str, Callable[[str], Awaitable[list[bool]]]] = {
            "plain text": self._in_plain_text,
            **{name: partial(self._without_connection, files) for name, files in self._certificates.items()},
            "wrong part": self._as_wrong_part,
            **{name: partial(self._without_user, shown) for name, shown in self._tokens.items()},
        }
        figures = []
        for name, ask in asked.items():
            refused = await ask(room)
            figures.append(
                Figure(name=f"{room}, {name}", value=sum(refused), unit="", least=max(len(refused), 1))
            )
        let_in = await self._as_expected(room)
        return [*figures, Figure(name=f"{room}, let in", value=int(let_in), unit="", least=1)]

    async def _in_plain_text(self, room: str) -> list[bool]:
        async with self._ports.in_plain_text(room) as channel:
            return [await self._said(channel, methods_of(room)[0].path) is CODE.UNAVAILABLE]

    async def _without_connection(self, files: CertificateFiles | None, room: str) -> list[bool]:
        async with self._ports.connected(room, files) as channel:
            return [await self._said(channel, methods_of(room)[0].path) is CODE.UNAVAILABLE]

    async def _as_wrong_part(self, room: str) -> list[bool]:
        refused = []
        for part in PARTS:
            async with self._ports.as_part(room, part) as channel:
                refused += [
                    await self._said(channel, method.path) is CODE.PERMISSION_DENIED
                    for method in methods_of(room)
                    if part in callers_and_others(room, method.path)[1]
                ]
        return refused

    async def _without_user(self, shown: Sequence[tuple[str, str]], room: str) -> list[bool]:
        refused = []
        for method in methods_of(room):
            if method.system and not shown:
                continue
            async with self._ports.as_part(room, callers_and_others(room, method.path)[0]) as channel:
                refused.append(await status(channel, method.path, shown) is CODE.UNAUTHENTICATED)
        return refused

    async def _as_expected(self, room: str) -> bool:
        path = methods_of(room)[0].path
        async with self._ports.as_part(room, callers_and_others(room, path)[0]) as channel:
            return await self._said(channel, path) in {CODE.OK, CODE.INVALID_ARGUMENT, CODE.NOT_FOUND}

    async def _said(self, channel: grpc.aio.Channel, path: str) -> grpc.StatusCode:
        return await status(channel, path, bearer(self._token))


def expired(certificates: Path, folder: Path) -> CertificateFiles:
    """Return the certificate of a part by the authority of a folder, as it was issued two days ago."""
    shutil.copytree(certificates, folder)
    return Authority.of(folder).issue(GATEWAY, now=datetime.now(UTC) - timedelta(days=2))


def altered(token: str) -> str:
    """Return other claims under the signature of a good token."""
    header, payload, signature = token.split(".")
    claims = json.loads(_decoded(payload))
    return f"{header}.{_encoded(json.dumps({**claims, 'iat': claims['iat'] + 1}).encode())}.{signature}"


def of_another_key(token: str) -> str:
    """Return the same token, signed with a key that nobody has published (RFC 7515, RS256)."""
    signed = token.rpartition(".")[0]
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    return f"{signed}.{_encoded(key.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
