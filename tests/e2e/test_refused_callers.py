"""R1, R2 at every room: strangers do not connect, no certificate replaces a token, no token a certificate."""

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from nova.app.authority import PARTS, Authority, files_of
from nova.app.callers import GATEWAY, callers_of
from nova.app.rooms import ROOMS
from nova.platform.rpc.peers import host_of
from nova.platform.rpc.tls import CertificateFiles
from tests.e2e.doors import PROMISED_S, bearer
from tests.e2e.forge import Forge
from tests.e2e.nova import Nova, Person
from tests.waiting import until

CODE = grpc.StatusCode
_LONGEST_S = 10.0


@pytest.fixture
async def person(apart: Nova) -> Person:
    return await apart.newcomer("caller")


def methods_of(room: str) -> Sequence[tuple[str, bool]]:
    """Return the methods of a room as its proto says: their paths, and whether they need no user."""
    descriptor = import_module(f"nova.api.{room}.v1.{room}_pb2").DESCRIPTOR
    (service,) = descriptor.services_by_name.values()
    system: frozenset[str] = getattr(
        import_module(f"nova.services.{room}.server"), "SYSTEM_METHODS", frozenset()
    )
    return [(f"/{service.full_name}/{method.name}", method.name in system) for method in service.methods]


@asynccontextmanager
async def connected(nova: Nova, room: str, files: CertificateFiles | None) -> AsyncIterator[grpc.aio.Channel]:
    """Yield a channel that trusts the platform and shows the certificate of these files, or none."""
    trusted = files_of(nova.certificates, GATEWAY).authority.read_bytes()
    own = (files.key.read_bytes(), files.certificate.read_bytes()) if files else ()
    named = [("grpc.ssl_target_name_override", host_of(room))]
    credentials = grpc.ssl_channel_credentials(trusted, *own)
    async with grpc.aio.secure_channel(nova.address(room), credentials, options=named) as channel:
        yield channel


async def status(
    channel: grpc.aio.Channel, path: str, metadata: Sequence[tuple[str, str]] = ()
) -> grpc.StatusCode:
    ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
    try:
        await ask(b"", metadata=metadata, timeout=_LONGEST_S)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return CODE.OK


async def heard(nova: Nova, room: str, shown: Sequence[tuple[str, str]]) -> bool:
    """Return whether a room refuses a token that it took."""
    path = next(path for path, needs_no_user in methods_of(room) if not needs_no_user)
    async with nova.room(room, part=callers_and_others(room, path)[0]) as channel:
        return await status(channel, path, shown) is CODE.UNAUTHENTICATED


def callers_and_others(room: str, path: str) -> tuple[str, list[str]]:
    """Return a part that may call a method, and all that may not."""
    listed = callers_of(room, path.rpartition("/")[2])
    return min(listed), [part for part in PARTS if part not in listed]


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize(
    "stranger", ["of_another_authority", "expired", "without_certificate", "in_plain_text"]
)
async def test_r1_a_stranger_does_not_connect(
    apart: Nova, person: Person, tmp_path: Path, room: str, stranger: str
) -> None:
    (path, _), *_ = methods_of(room)
    if stranger == "in_plain_text":
        async with grpc.aio.insecure_channel(apart.address(room)) as channel:
            assert await status(channel, path, bearer(person.token)) is CODE.UNAVAILABLE
        return
    async with connected(apart, room, shown_by(stranger, apart, tmp_path)) as channel:
        assert await status(channel, path, bearer(person.token)) is CODE.UNAVAILABLE


def shown_by(stranger: str, nova: Nova, folder: Path) -> CertificateFiles | None:
    """Return what a stranger has: a certificate of nobody's, an old one of ours, or none."""
    if stranger == "of_another_authority":
        return Authority.of(folder).issue(GATEWAY)
    if stranger == "expired":
        shutil.copytree(nova.certificates, folder / "ours")
        return Authority.of(folder / "ours").issue(GATEWAY, now=datetime.now(UTC) - timedelta(days=2))
    return None


@pytest.mark.parametrize("room", ROOMS)
async def test_r1_the_wrong_part_is_refused_by_every_method(apart: Nova, person: Person, room: str) -> None:
    for part in PARTS:
        async with apart.room(room, part=part) as channel:
            for path, _ in methods_of(room):
                if part in callers_and_others(room, path)[1]:
                    told = await status(channel, path, bearer(person.token))
                    assert told is CODE.PERMISSION_DENIED, (part, path)


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("token", ["missing", "altered", "of_another_key", "suspended"])
async def test_r2_a_part_without_a_good_token_is_refused_by_every_method(
    apart: Nova, person: Person, room: str, token: str
) -> None:
    shown: Sequence[tuple[str, str]] = ()
    if token == "altered":
        forge = await Forge.of(apart, person.token)
        shown = bearer(forge.resealed(user_id="0198a1b2-0000-7000-8000-000000000000"))
    if token == "of_another_key":
        strange = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        shown = bearer(Forge(person.token, strange).token())
    if token == "suspended":
        await apart.suspend(person)
        shown = bearer(person.token)
        await until(partial(heard, apart, room, shown), within_s=PROMISED_S)
    for path, needs_no_user in methods_of(room):
        if token == "missing" and needs_no_user:
            continue
        async with apart.room(room, part=callers_and_others(room, path)[0]) as channel:
            assert await status(channel, path, shown) is CODE.UNAUTHENTICATED, path


@pytest.mark.parametrize("room", ROOMS)
async def test_a_listed_part_with_a_good_token_is_let_in(apart: Nova, person: Person, room: str) -> None:
    (path, _), *_ = methods_of(room)
    async with apart.room(room, part=callers_and_others(room, path)[0]) as channel:
        told = await status(channel, path, bearer(person.token))
    assert told in {CODE.OK, CODE.INVALID_ARGUMENT, CODE.NOT_FOUND}, told
