"""R1, R2 at every room: strangers do not connect, no certificate replaces a token, no token a certificate."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from nova.app.authority import PARTS, Authority
from nova.app.bench.strangers import (
    CODE,
    altered,
    bearer,
    callers_and_others,
    expired,
    methods_of,
    of_another_key,
    status,
)
from nova.app.callers import GATEWAY
from nova.app.rooms import ROOMS
from nova.platform.rpc.tls import CertificateFiles
from tests.e2e.doors import PROMISED_S
from tests.e2e.nova import Nova, Person
from tests.waiting import until


@pytest.fixture
async def person(apart: Nova) -> Person:
    return await apart.newcomer("caller")


async def heard(nova: Nova, room: str, shown: Sequence[tuple[str, str]]) -> bool:
    """Return whether a room refuses a token that it took."""
    path = next(path for path, system in methods_of(room) if not system)
    async with nova.room(room, part=callers_and_others(room, path)[0]) as channel:
        return await status(channel, path, shown) is CODE.UNAUTHENTICATED


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize(
    "stranger", ["of_another_authority", "expired", "without_certificate", "in_plain_text"]
)
async def test_r1_a_stranger_does_not_connect(
    apart: Nova, person: Person, tmp_path: Path, room: str, stranger: str
) -> None:
    (path, _), *_ = methods_of(room)
    if stranger == "in_plain_text":
        async with apart.ports.in_plain_text(room) as channel:
            assert await status(channel, path, bearer(person.token)) is CODE.UNAVAILABLE
        return
    async with apart.ports.connected(room, shown_by(stranger, apart, tmp_path)) as channel:
        assert await status(channel, path, bearer(person.token)) is CODE.UNAVAILABLE


def shown_by(stranger: str, nova: Nova, folder: Path) -> CertificateFiles | None:
    """Return what a stranger has: a certificate of nobody's, an old one of ours, or none."""
    if stranger == "of_another_authority":
        return Authority.of(folder).issue(GATEWAY)
    if stranger == "expired":
        return expired(nova.certificates, folder / "ours")
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
        shown = bearer(altered(person.token))
    if token == "of_another_key":
        shown = bearer(of_another_key(person.token))
    if token == "suspended":
        await apart.suspend(person)
        shown = bearer(person.token)
        await until(partial(heard, apart, room, shown), within_s=PROMISED_S)
    for path, system in methods_of(room):
        if token == "missing" and system:
            continue
        async with apart.room(room, part=callers_and_others(room, path)[0]) as channel:
            assert await status(channel, path, shown) is CODE.UNAUTHENTICATED, path


@pytest.mark.parametrize("room", ROOMS)
async def test_a_listed_part_with_a_good_token_is_let_in(apart: Nova, person: Person, room: str) -> None:
    (path, _), *_ = methods_of(room)
    async with apart.room(room, part=callers_and_others(room, path)[0]) as channel:
        told = await status(channel, path, bearer(person.token))
    assert told in {CODE.OK, CODE.INVALID_ARGUMENT, CODE.NOT_FOUND}, told
