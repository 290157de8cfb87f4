"""Sessions seen and ended, and how soon everybody knows."""

import asyncio

import pytest

from nova.api.identity.v1 import identity_pb2 as pb
from nova.app.identity_view import IdentityKeySource, IdentityRevocationFeed
from nova.platform.auth.keys import KeyRing
from nova.platform.errors import InvalidArgument, NotFound, Unauthenticated
from nova.platform.ids import uuid7
from tests.unit.identity.identity_house import IdentityHouse
from tests.waiting import until


async def listed(house: IdentityHouse, tokens: pb.Tokens) -> list[bytes]:
    with house.by(tokens):
        answer = await house.stub.ListSessions(pb.ListSessionsRequest())
    return [session.session_id for session in answer.sessions]


async def session_of(house: IdentityHouse, tokens: pb.Tokens) -> bytes:
    return (await house.verified(tokens)).actor.session_id.bytes


async def test_sessions_are_listed_newest_first_in_pages(house: IdentityHouse) -> None:
    opened = [(await house.sign_up("ada")).tokens]
    opened += [(await house.sign_in("ada")).tokens for _ in range(4)]
    await house.sign_up("eve")
    ids = [await session_of(house, tokens) for tokens in reversed(opened)]
    assert await listed(house, opened[0]) == ids
    walked: list[bytes] = []
    page_token = b""
    with house.by(opened[0]):
        while True:
            page = await house.stub.ListSessions(pb.ListSessionsRequest(page_size=2, page_token=page_token))
            walked += [session.session_id for session in page.sessions]
            page_token = page.next_page_token
            if not page_token:
                break
    assert walked == ids


async def test_a_session_shows_its_device_without_control_characters(house: IdentityHouse) -> None:
    device = pb.Device(user_agent="Fire\0fox\x1b[31m " + "x" * 400, ip_address="2001:db8::1")
    request = pb.SignUpRequest(
        handle="ada", email="ada@example.org", password="a good password", display_name="Ada", device=device
    )
    tokens = (await house.stub.SignUp(request)).tokens
    with house.by(tokens):
        (session,) = (await house.stub.ListSessions(pb.ListSessionsRequest())).sessions
    assert session.user_agent.startswith("Firefox[31m xxx")
    assert len(session.user_agent) <= 300
    assert session.ip_address == "2001:db8::1"


@pytest.mark.parametrize(("page_size", "page_token"), [(101, b""), (-1, b""), (10, b"xyz")])
async def test_q5_a_broken_page_is_refused(house: IdentityHouse, page_size: int, page_token: bytes) -> None:
    tokens = (await house.sign_up("ada")).tokens
    with house.by(tokens), pytest.raises(InvalidArgument):
        await house.stub.ListSessions(pb.ListSessionsRequest(page_size=page_size, page_token=page_token))


async def test_signing_out_ends_this_session_alone(house: IdentityHouse) -> None:
    first = (await house.sign_up("ada")).tokens
    second = (await house.sign_in("ada")).tokens
    with house.by(first):
        await house.stub.SignOut(pb.SignOutRequest())
        await house.stub.SignOut(
            pb.SignOutRequest()
        )  # the token is not yet known to be void: nothing changes
    with pytest.raises(Unauthenticated):
        await house.verified(first)
    with pytest.raises(Unauthenticated):
        await house.refresh(first.refresh_token)
    assert await house.verified(second)
    assert await house.count("revocations") == 1


async def test_one_of_one_s_own_sessions_is_revoked(house: IdentityHouse) -> None:
    first = (await house.sign_up("ada")).tokens
    second = (await house.sign_in("ada")).tokens
    lost = await session_of(house, second)
    with house.by(first):
        await house.stub.RevokeSession(pb.RevokeSessionRequest(session_id=lost))
    with pytest.raises(Unauthenticated) as caught:
        await house.verified(second)
    assert caught.value.reason == "REVOKED_TOKEN"
    assert await listed(house, first) == [await session_of(house, first)]


async def test_a1_another_s_session_looks_like_none(house: IdentityHouse) -> None:
    ada = (await house.sign_up("ada")).tokens
    eve = (await house.sign_up("eve")).tokens
    refusals = []
    for session_id in (await session_of(house, ada), uuid7().bytes):
        with house.by(eve), pytest.raises(NotFound) as caught:
            await house.stub.RevokeSession(pb.RevokeSessionRequest(session_id=session_id))
        refusals.append((caught.value.reason, caught.value.message))
    assert refusals[0] == refusals[1]
    assert await house.verified(ada)


async def test_every_session_is_revoked_and_every_token_void(house: IdentityHouse) -> None:
    tokens = [(await house.sign_up("ada")).tokens, (await house.sign_in("ada")).tokens]
    with house.by(tokens[0]):
        answer = await house.stub.RevokeAllSessions(pb.RevokeAllSessionsRequest())
    assert answer.revoked_count == 2
    for pair in tokens:
        with pytest.raises(Unauthenticated):
            await house.verified(pair)
        with pytest.raises(Unauthenticated):
            await house.refresh(pair.refresh_token)
    assert await house.verified((await house.sign_in("ada")).tokens)


async def test_a_revocation_repeated_under_its_key_is_answered_again(house: IdentityHouse) -> None:
    first = (await house.sign_up("ada")).tokens
    lost = await session_of(house, (await house.sign_in("ada")).tokens)
    with house.by(first, key="k-1"):
        await house.stub.RevokeSession(pb.RevokeSessionRequest(session_id=lost))
        await house.stub.RevokeSession(pb.RevokeSessionRequest(session_id=lost))
    assert await house.count("revocations") == 1


async def test_an_announcement_is_felt_without_any_poll(house: IdentityHouse) -> None:
    tokens = (await house.sign_up("ada")).tokens
    await house.listener.start()
    try:
        with house.by(tokens):
            await house.stub.GetAccount(pb.GetAccountRequest())
            await house.stub.SignOut(pb.SignOutRequest())
        await until(lambda: len(house.revocations) == 1)
        with pytest.raises(Unauthenticated) as caught:
            await house.verifier.verify(tokens.access_token)
        assert caught.value.reason == "REVOKED_TOKEN"
    finally:
        await house.listener.stop()


async def test_a_poll_that_asks_for_later_numbers_misses_no_revocation(house: IdentityHouse) -> None:
    """Numbers follow the order of commits, so that `seq > last` is enough, however many end at once."""
    await house.sign_up("ada")
    opened = [(await house.sign_in("ada")).tokens for _ in range(24)]
    feed = IdentityRevocationFeed(house.stub, KeyRing(IdentityKeySource(house.stub), clock=house.clock))
    seen: list[int] = []
    done = asyncio.Event()

    async def watch() -> None:
        while True:
            last_look = done.is_set()
            seen.extend(revocation.seq for revocation in await feed.since(seen[-1] if seen else 0))
            if last_look:
                return

    async def end(tokens: pb.Tokens) -> None:
        with house.by(tokens):
            await house.stub.SignOut(pb.SignOutRequest())

    watching = asyncio.create_task(watch())
    await asyncio.gather(*map(end, opened))
    done.set()
    await watching
    assert len(seen) == len(opened)
    assert seen == sorted(set(seen))


async def test_the_room_asks_for_a_token_where_it_must(house: IdentityHouse) -> None:
    for call in (
        house.stub.SignOut(pb.SignOutRequest()),
        house.stub.ListSessions(pb.ListSessionsRequest()),
        house.stub.GetAccount(pb.GetAccountRequest()),
        house.stub.RevokeAllSessions(pb.RevokeAllSessionsRequest()),
        house.stub.ChangePassword(pb.ChangePasswordRequest()),
        house.stub.GrantRole(pb.GrantRoleRequest(user_id=uuid7().bytes, role="admin")),
    ):
        with pytest.raises(Unauthenticated):
            await call
